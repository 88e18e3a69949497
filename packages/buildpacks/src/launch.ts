// How a process of a release starts: in one shell, the buildpack's profile scripts run first, then the command.

/**
 * Bash runs it with the command as its only argument. The app replaces both shells (by `exec`, and by bash's implicit exec of
 * a simple command), so it receives the engine's SIGTERM itself.
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

/** @returns the argv that runs a process type's shell command in a container of the release. */
export function launchCommand(command: string): readonly string[] {
  return ["/bin/bash", "-c", LAUNCH_SCRIPT, "launch", command];
}
