// Build: runs the buildpack in the sandbox, with its output in the log. Needs the sandbox; yields the result of the buildpack.

import { parseRelease, processTypesOf, requireWeb, resultOf } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { Sandbox } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";

export interface BuildContext {
  readonly config: { readonly timing: Pick<WorkerConfig["timing"], "buildTimeoutMs"> };
}

export interface Built {
  readonly processTypes: Readonly<Record<string, string>>;
  /** The buildpack's defaults for the app's variables. */
  readonly configVars: Readonly<Record<string, string>>;
  /** Text of the source's .slugignore; null without one. */
  readonly slugIgnore: string | null;
}

/**
 * Runs the build to its end.
 * @throws {SlipwayError} of the user's: "build-failed", "build-timeout", "build-out-of-memory", "build-disk-full", "no-web-process".
 */
export async function build(
  { config }: BuildContext,
  { log, signal }: Attempt,
  sandbox: Pick<Sandbox, "run" | "download">,
): Promise<Built> {
  await runBuild({ log, signal }, sandbox, config.timing.buildTimeoutMs);
  const result = await resultOf(await sandbox.download("/work/result", signal));
  const release = parseRelease(result.release ?? "");
  const { processTypes, problems } = processTypesOf({ procfile: result.procfile, release });
  for (const problem of problems) log.line(` !     Procfile: ${problem}`);
  requireWeb(processTypes);
  log.line(`-----> Process types: ${Object.keys(processTypes).join(", ")}`);
  return { processTypes, configVars: release.configVars, slugIgnore: result.slugIgnore };
}

async function runBuild(
  { log, signal }: Pick<Attempt, "log" | "signal">,
  sandbox: Pick<Sandbox, "run">,
  timeoutMs: number,
): Promise<void> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const exit = await sandbox.run({
      onOutput: (bytes) => log.write(bytes),
      signal: AbortSignal.any([signal, timeout]),
    });
    if (exit.diskFull)
      throw new SlipwayError("build-disk-full", "the build wrote more than it may; it was ended");
    if (exit.exitCode !== 0) throw failure(exit.exitCode, exit.outOfMemory);
    if (exit.outOfMemory) log.line(" !     A process of the build ran out of memory");
  } catch (error) {
    if (!timeout.aborted || signal.aborted || error instanceof SlipwayError) throw error;
    const minutes = Math.round(timeoutMs / 60_000);
    throw new SlipwayError("build-timeout", `the build took longer than ${minutes} minutes and was ended`, {
      cause: error,
    });
  }
}

function failure(exitCode: number, outOfMemory: boolean): SlipwayError {
  if (outOfMemory) return new SlipwayError("build-out-of-memory", "the build ran out of memory");
  return new SlipwayError("build-failed", `the buildpack failed with exit code ${exitCode}`);
}
