// Build: runs the buildpack in the sandbox, with its output in the log. Input: the sandbox. Output: the buildpack's result.

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

type ResultFacts = Pick<
  BuildResult,
  "buildpack" | "slugIgnore" | "hasEmptyCache" | "keepsDependencies" | "app"
>;

export interface Built extends ResultFacts {
  readonly processTypes: Readonly<Record<string, string>>;
  /** The buildpack's default values for the app's variables. */
  readonly configVars: Readonly<Record<string, string>>;
  /** Resolves when the container has exited and the build succeeded. Otherwise rejects with the errors of `build`. */
  readonly ended: Promise<unknown>;
}

/** The parts of an attempt that a build uses. */
interface BuildAttempt {
  readonly lease: Pick<Attempt["lease"], "phase" | "check">;
  readonly log: Pick<Attempt["log"], "line" | "write" | "lastSeq">;
  readonly signal: AbortSignal;
}

/**
 * If the result contains the app, returns before the container's exit, so that the app can be pushed at the same time.
 * @throws {SlipwayError} errors of the user: the errors of `runSandbox`, "no-web-process".
 */
export async function build(
  context: RunContext,
  { lease, log, signal }: BuildAttempt,
  sandbox: Pick<Sandbox, "run">,
): Promise<Built> {
  const early = Promise.withResolvers<BuildResult>();
  const ended = lease.phase("build", log, async () => {
    const errors = receiveResult();
    const onOutputEnd = () =>
      void resultOf(errors.bytes()).then(
        (result) => (result.app === null ? undefined : early.resolve(result)),
        () => undefined, // A build that fails has no result; of another one the call below reports the error.
      );
    await runSandbox(context, { lease, log, signal }, sandbox, { errors, onOutputEnd });
    return resultOf(errors.bytes());
  });
  try {
    return { ...builtFrom(log, await Promise.race([early.promise, ended])), ended };
  } catch (error) {
    await Promise.allSettled([ended]);
    throw error;
  }
}

function builtFrom(log: BuildAttempt["log"], result: BuildResult): Omit<Built, "ended"> {
  const { buildpack, releases, procfile, slugIgnore, hasEmptyCache, keepsDependencies, app } = result;
  const { configVars, defaultProcessTypes } = mergeReleases(releases);
  const processTypes = readProcessTypes(log, procfile, defaultProcessTypes);
  return { buildpack, processTypes, configVars, slugIgnore, hasEmptyCache, keepsDependencies, app };
}

/** The result for a source that needs no build. @throws {SlipwayError} "no-web-process". */
export function builtFromPlan(
  { log }: Attempt,
  { procfile, slugIgnore, language: { kind, web } }: Plan & Layered,
): Built {
  log.line(`-----> ${languageTitles[kind]} app detected`);
  const defaults = web === null ? {} : { web };
  const processTypes = readProcessTypes(log, procfile, defaults);
  const facts = { slugIgnore, hasEmptyCache: false, keepsDependencies: true, app: null };
  return { buildpack: kind, processTypes, configVars: {}, ...facts, ended: Promise.resolve() };
}

function readProcessTypes(
  log: BuildAttempt["log"],
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
