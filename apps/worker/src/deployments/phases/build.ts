// Build: runs the buildpack in the sandbox, its output being the log. Needs the sandbox; yields what the buildpack left.

import { parseRelease, processTypesOf, requireWeb, resultOf } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { Sandbox } from "@slipway/core";
import type { Attempt } from "../attempt.ts";

export interface Built {
  readonly processTypes: Readonly<Record<string, string>>;
  /** The buildpack's defaults for the app's variables. */
  readonly configVars: Readonly<Record<string, string>>;
  /** Text of the source's .slugignore; null without one. */
  readonly slugIgnore: string | null;
}

export async function build({ platform, log, signal }: Attempt, sandbox: Sandbox): Promise<Built> {
  const timeoutMs = platform.config.timing.buildTimeoutMs;
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
  const result = await resultOf(await sandbox.download("/work/result", signal));
  const release = parseRelease(result.release ?? "");
  const { processTypes, problems } = processTypesOf({ procfile: result.procfile, release });
  for (const problem of problems) log.line(` !     Procfile: ${problem}`);
  requireWeb(processTypes);
  log.line(`-----> Process types: ${Object.keys(processTypes).join(", ")}`);
  return { processTypes, configVars: release.configVars, slugIgnore: result.slugIgnore };
}

function failure(exitCode: number, outOfMemory: boolean): SlipwayError {
  if (outOfMemory) return new SlipwayError("build-out-of-memory", "the build ran out of memory");
  return new SlipwayError("build-failed", `the buildpack failed with exit code ${exitCode}`);
}
