// How a process of a release is started: the profile scripts of its buildpack first, then its command, in one shell.

/**
 * Run by bash with the command as its only argument. Both bash are replaced in the end (`exec`, and bash's own for a
 * simple command), so the engine's SIGTERM reaches the app itself.
 */
export const LAUNCH_SCRIPT = `cd /app || exit 1
slipway_command=$1
shift
for slipway_profile in .profile.d/*.sh; do
  if [ -f "$slipway_profile" ]; then . "./$slipway_profile"; fi
done
unset slipway_profile
if [ -f .profile ]; then . ./.profile; fi
exec bash -c "$slipway_command"
`;

/** @returns the argv that starts a shell command of a process type in a container of the release. */
export function launchCommand(command: string): readonly string[] {
  return ["/bin/bash", "-c", LAUNCH_SCRIPT, "launch", command];
}
