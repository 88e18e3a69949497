// The time limits of a build: of its whole, and of its silence.

import { SlipwayError } from "@slipway/core";
import type { WorkerConfig } from "../config.ts";
import { type OutputWatch, watchOutput } from "./output-watch.ts";

export type BuildTimeContext = {
  readonly config: { readonly timing: Pick<WorkerConfig["timing"], "buildTimeoutMs" | "buildSilenceMs"> };
};

/**
 * @param run receives what to store output with, and the signal to end at.
 * @throws {SlipwayError} "build-timeout" when a limit was reached; otherwise what `run` throws.
 */
export async function withinBuildTime<T>(
  { config: { timing } }: BuildTimeContext,
  signal: AbortSignal,
  run: (output: Pick<OutputWatch, "store" | "noteProgress" | "signal">) => Promise<T>,
): Promise<T> {
  const timeoutMs = timing.buildTimeoutMs;
  const timeout = AbortSignal.timeout(timeoutMs);
  using output = watchOutput(timing.buildSilenceMs);
  try {
    const { store, noteProgress } = output;
    return await run({ store, noteProgress, signal: AbortSignal.any([signal, timeout, output.signal]) });
  } catch (error) {
    if (!signal.aborted) output.signal.throwIfAborted();
    if (!timeout.aborted || signal.aborted || error instanceof SlipwayError) throw error;
    const minutes = Math.round(timeoutMs / 60_000);
    throw new SlipwayError("build-timeout", `the build took longer than ${minutes} minutes and was ended`, {
      cause: error,
    });
  }
}
