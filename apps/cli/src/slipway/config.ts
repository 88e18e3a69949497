// Reads the environment of the command `slipway`.

import { homedir } from "node:os";
import { join } from "node:path";

export interface CliConfig {
  /** SLIPWAY_URL and SLIPWAY_TOKEN override the values stored by `slipway login`. */
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly app: string | undefined;
  /** The file in which `slipway login` stores the address and the token. */
  readonly credentialsFile: string;
  /** The folder in which the user called the command. */
  readonly folder: string;
}

export function readCliConfig(env: NodeJS.ProcessEnv = process.env): CliConfig {
  const configHome = given(env["XDG_CONFIG_HOME"]) ?? join(given(env["HOME"]) ?? homedir(), ".config");
  // npm runs scripts in the folder of package.json.
  const npmFolder = env["npm_lifecycle_event"] === "slipway" ? given(env["INIT_CWD"]) : undefined;
  return {
    url: given(env["SLIPWAY_URL"]),
    token: given(env["SLIPWAY_TOKEN"]),
    app: given(env["SLIPWAY_APP"]),
    credentialsFile: join(configHome, "slipway", "credentials.json"),
    folder: npmFolder ?? process.cwd(),
  };
}

/** An empty variable counts as unset. */
function given(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
