// Build: runs the buildpack in the sandbox, with its output in the log. Needs the sandbox; yields the result of the buildpack.

import {
  languageTitles,
  mergeReleases,
  processTypesOf,
  receiveResult,
  requireWeb,
  resultOf,
} from "@slipway/buildpacks";
import type { BuildResult } from "@slipway/buildpacks";
import type { Sandbox } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import { type RunContext, runSandbox } from "../build-sandbox.ts";
import type { Layered } from "./dependencies.ts";
import type { Plan } from "./plan.ts";

export interface Built extends Pick<BuildResult, "slugIgnore" | "hasEmptyCache" | "keepsDependencies"> {
  readonly processTypes: Readonly<Record<string, string>>;
  /** The buildpack's defaults for the app's variables. */
  readonly configVars: Readonly<Record<string, string>>;
}

/** @throws {SlipwayError} of the user's: those of `runSandbox`, "no-web-process". */
export async function build(
  context: RunContext,
  { lease, log, signal }: Attempt,
  sandbox: Pick<Sandbox, "run">,
): Promise<Built> {
  const result = await lease.phase("build", log, async () => {
    const received = receiveResult();
    await runSandbox(context, { log, signal }, sandbox, received);
    return resultOf(received.bytes());
  });
  const release = mergeReleases(result.releases);
  const processTypes = readProcessTypes(log, result.procfile, release.defaultProcessTypes);
  const { slugIgnore, hasEmptyCache, keepsDependencies } = result;
  return { processTypes, configVars: release.configVars, slugIgnore, hasEmptyCache, keepsDependencies };
}

/** What a build would yield, of a source that needs none. @throws {SlipwayError} "no-web-process". */
export function builtFromPlan(
  { log }: Attempt,
  { procfile, slugIgnore, language: { kind, web } }: Plan & Layered,
): Built {
  log.line(`-----> ${languageTitles[kind]} app detected`);
  const defaults = web === null ? {} : { web };
  const processTypes = readProcessTypes(log, procfile, defaults);
  return { processTypes, configVars: {}, slugIgnore, hasEmptyCache: false, keepsDependencies: true };
}

function readProcessTypes(
  log: Attempt["log"],
  procfile: string | null,
  defaultProcessTypes: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const release = { defaultProcessTypes, configVars: {} };
  const { processTypes, problems } = processTypesOf({ procfile, release });
  for (const problem of problems) log.line(` !     Procfile: ${problem}`);
  requireWeb(processTypes);
  log.line(`-----> Process types: ${Object.keys(processTypes).join(", ")}`);
  return processTypes;
}
