// An app's process types: the defaults of its buildpack, overridden by its Procfile.

import { SlipwayError } from "@slipway/core";
import { parseProcfile } from "./procfile.ts";
import type { ReleaseOutput } from "./release-output.ts";

const startedTypes: ReadonlySet<string> = new Set(["web", "postdeploy"]);

export interface ProcessTypes {
  /** Process type → shell command. */
  readonly processTypes: Readonly<Record<string, string>>;
  /** Problems of the Procfile, for the deployment's log. */
  readonly problems: readonly string[];
}

/**
 * A type of the Procfile replaces the default with the same name. Other defaults remain, so an app whose Procfile contains
 * only `postdeploy` still has a `web` process.
 * @param options.procfile text of the Procfile; null when the app has none.
 */
export function processTypesOf(options: {
  readonly procfile: string | null;
  readonly release: ReleaseOutput;
}): ProcessTypes {
  const { processTypes, problems } = parseProcfile(options.procfile ?? "");
  return { processTypes: { ...options.release.defaultProcessTypes, ...processTypes }, problems };
}

/** @returns the process types that a deployment does not start, in their order: all except `web` and `postdeploy`. */
export function typesNotStarted(processTypes: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(processTypes).filter((name) => !isStarted(name));
}

/** Whether a deployment starts this process type. */
export function isStarted(name: string): boolean {
  return startedTypes.has(name);
}

/**
 * @returns the command of `web`.
 * @throws {SlipwayError} "no-web-process" when the app has no `web` process.
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
