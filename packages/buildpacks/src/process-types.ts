// Which process types an app has: its Procfile's, over the defaults of its buildpack.

import { SlipwayError } from "@slipway/core";
import { parseProcfile } from "./procfile.ts";
import type { ReleaseOutput } from "./release-output.ts";

const startedTypes: ReadonlySet<string> = new Set(["web", "postdeploy"]);

export interface ProcessTypes {
  /** Process type → shell command. */
  readonly processTypes: Readonly<Record<string, string>>;
  /** Of the Procfile, for the deployment's log. */
  readonly problems: readonly string[];
}

/**
 * A type of the Procfile takes the place of the default of the same name; other defaults stay, so that a Procfile with
 * nothing but `postdeploy` still has a `web`.
 * @param options.procfile its text, null when the app has none.
 */
export function processTypesOf(options: {
  readonly procfile: string | null;
  readonly release: ReleaseOutput;
}): ProcessTypes {
  const { processTypes, problems } = parseProcfile(options.procfile ?? "");
  return { processTypes: { ...options.release.defaultProcessTypes, ...processTypes }, problems };
}

/** @returns the names of the process types that a deployment does not start, in their order: all but `web` and `postdeploy`. */
export function typesNotStarted(processTypes: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(processTypes).filter((name) => !startedTypes.has(name));
}

/**
 * @returns the command of `web`.
 * @throws {SlipwayError} "no-web-process" that says what to do.
 */
export function requireWeb(processTypes: Readonly<Record<string, string>>): string {
  const command = processTypes["web"];
  if (command !== undefined) return command;
  const names = Object.keys(processTypes);
  throw new SlipwayError(
    "no-web-process",
    `The app has no web process${names.length > 0 ? `, only ${names.join(", ")}` : ""}. ` +
      'Add a Procfile with a line such as "web: COMMAND"; COMMAND must listen on $PORT.',
  );
}
