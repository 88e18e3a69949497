// The command `slipway` as a process of its own, to read what it prints.

import { execa } from "execa";

const program = new URL("../src/slipway.ts", import.meta.url).pathname;

export interface ProcessOptions {
  readonly url?: string;
  readonly input?: string;
  /** The folder of the user's configuration. */
  readonly home?: string;
}

/** Runs `slipway` with these arguments, signed in at the address if one is given. */
export function slipwayProcess(
  args: readonly string[],
  { url = "", input = "", home = "/nowhere" }: ProcessOptions = {},
) {
  const token = url === "" ? "" : "tk";
  return execa(process.execPath, [program, ...args], {
    input,
    reject: false,
    env: { HOME: home, XDG_CONFIG_HOME: "", SLIPWAY_URL: url, SLIPWAY_TOKEN: token, SLIPWAY_APP: "" },
  });
}
