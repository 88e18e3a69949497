// The time limits of a build: for its duration, and for the time without output.

import { SlipwayError } from "@slipway/core";
import type { WorkerConfig } from "../config.ts";
import { type OutputWatch, watchOutput } from "./output-watch.ts";

export type BuildTimeContext = {
  readonly config: { readonly timing: Pick<WorkerConfig["timing"], "buildTimeoutMs" | "buildSilenceMs"> };
};

export interface BuildLimits extends Pick<OutputWatch, "store" | "noteProgress"> {
  /** Aborted when a limit is reached, or the attempt is aborted. */
  readonly signal: AbortSignal;
  /** Neither limit counts the time of this wait. */
  readonly suspendDuring: (wait: PlatformWait) => void;
}

/** A period in which a build waits for the platform. It may never begin. */
export interface PlatformWait {
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
}

/**
 * @param run receives the function that stores output, and the signal.
 * @throws {SlipwayError} "build-timeout" when a limit was reached; otherwise the errors of `run`.
 */
export async function withinBuildTime<T>(
  { config: { timing } }: BuildTimeContext,
  signal: AbortSignal,
  run: (limits: BuildLimits) => Promise<T>,
): Promise<T> {
  const timeoutMs = timing.buildTimeoutMs;
  using timeout = startTimeout(timeoutMs);
  using output = watchOutput(timing.buildSilenceMs);
  const suspendUntil = async (end: Promise<void>) => {
    using _stopped = timeout.stop();
    await output.store(() => end.catch(ignore));
  };
  const suspendDuring = ({ begun, ended }: PlatformWait) => {
    begun.then(() => suspendUntil(ended)).catch(ignore);
  };
  try {
    const { store, noteProgress } = output;
    const either = AbortSignal.any([signal, timeout.signal, output.signal]);
    return await run({ store, noteProgress, suspendDuring, signal: either });
  } catch (error) {
    if (!signal.aborted) output.signal.throwIfAborted();
    if (!timeout.signal.aborted || signal.aborted || error instanceof SlipwayError) throw error;
    const minutes = Math.round(timeoutMs / 60_000);
    throw new SlipwayError("build-timeout", `the build took longer than ${minutes} minutes and was ended`, {
      cause: error,
    });
  }
}

/** A timeout that can be paused: the time between a call of `stop` and the disposal of its result does not count. */
function startTimeout(limitMs: number) {
  const controller = new AbortController();
  let leftMs = limitMs;
  let startedAt = performance.now();
  let stops = 0;
  const start = () =>
    setTimeout(() => controller.abort(new Error(`longer than ${limitMs} ms`)), Math.max(0, leftMs));
  let timer = start();
  return {
    signal: controller.signal,
    stop(): Disposable {
      if (stops === 0) leftMs -= performance.now() - startedAt;
      stops += 1;
      clearTimeout(timer);
      return {
        [Symbol.dispose]() {
          stops -= 1;
          if (stops > 0) return;
          startedAt = performance.now();
          timer = start();
        },
      };
    },
    [Symbol.dispose]() {
      // A wait that never ends pauses the limits indefinitely.
      stops += 1;
      clearTimeout(timer);
    },
  };
}

/** The work that waits reports the wait's failure. */
function ignore(): void {}
