// The process types of a Dockerfile's image, or of an image that was built elsewhere: the image's own command, or the commands of a
// Procfile.

import { parseProcfile } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { ImageProcess, ImageStart } from "@slipway/core";
import type { Attempt } from "../attempt.ts";

export interface ImageProcesses {
  /** Process type → shell command, with a `web`. */
  readonly processTypes: Readonly<Record<string, string>>;
  readonly imageStart: ImageStart;
}

/**
 * The Procfile's commands run in the image's shell. Without a Procfile, `web` is the image's own command. Logs the process types.
 * @param advice the advice for an image without a command.
 * @throws {SlipwayError} "no-web-process"
 */
export function imageProcesses(
  { log }: Pick<Attempt, "log">,
  { command, exposedPorts, user, healthcheck }: ImageProcess,
  { procfile, advice }: { readonly procfile: string | null; readonly advice: string },
): ImageProcesses {
  const { processTypes: given, problems } = parseProcfile(procfile ?? "");
  for (const problem of problems) log.line(` !     Procfile: ${problem}`);
  const argv = given["web"] === undefined ? command : ["/bin/sh", "-c", given["web"]];
  if (argv.length === 0) throw new SlipwayError("no-web-process", `The image has no command. ${advice}`);
  const [port, ...others] = exposedPorts;
  const imageStart: ImageStart = {
    command: argv,
    port: others.length === 0 ? (port ?? null) : null,
    ...(healthcheck === null ? {} : { healthcheck }),
  };
  const processTypes = { web: argv.map(quoted).join(" "), ...given };
  log.line(`-----> Process types: ${Object.keys(processTypes).join(", ")}`);
  if (["", "0", "root"].includes(user.split(":")[0] ?? ""))
    log.line(" !     The image runs as root, without capabilities: add USER to the Dockerfile");
  return { processTypes, imageStart };
}

/** Quotes an argument for display, in shell syntax. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
