// How a process of a release starts: one shell runs the buildpack's profile scripts and then the command.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultStacksDir } from "./stack-files.ts";

/** Inserted into the script below between single quotes. */
const npmScript = readFileSync(join(defaultStacksDir, "launch/npm-script.js"), "utf8");

/**
 * Bash runs it with the command as its only argument. The app replaces both shells (by `exec`, and by bash's implicit exec of
 * a simple command), so it receives the engine's SIGTERM itself. `npm start` would prevent that: npm starts a shell, which ends on SIGTERM
 * and leaves the app to be killed. So a script of package.json is started without npm, which also saves npm's start-up time.
 * pnpm 11 and later would install all dependencies before a script, because a release does not contain the metadata of its install.
 */
export const LAUNCH_SCRIPT = `cd /app || exit 1
slipway_command=$1
shift
for slipway_profile in .profile.d/*.sh; do
  if [ -f "$slipway_profile" ]; then . "./$slipway_profile"; fi
done
unset slipway_profile
if [ -f .profile ]; then . ./.profile; fi
if type -P pnpm >/dev/null; then export pnpm_config_verify_deps_before_run=\${pnpm_config_verify_deps_before_run:-false}; fi
if [[ $slipway_command =~ ^npm\\ (start|run\\ ([A-Za-z0-9:._-]+))$ ]]; then
  if slipway_script=$(NODE_OPTIONS= node -e '${npmScript}' "\${BASH_REMATCH[2]:-start}" 2>/dev/null); then eval "$slipway_script"; fi
  unset slipway_script
fi
exec bash -c "$slipway_command"
`;

/** @returns the argv that runs a process type's shell command in a container of the release. */
export function launchCommand(command: string): readonly string[] {
  return ["/bin/bash", "-c", LAUNCH_SCRIPT, "launch", command];
}
