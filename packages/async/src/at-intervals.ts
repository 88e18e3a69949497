// Repeats work whose cost grows with the amount of data, so that it takes a bounded share of the time.

import { elapsed } from "./pause.ts";

export interface IntervalOptions {
  readonly everyMs: number;
  /** Receives each failure. The work is repeated after the next pause. */
  readonly onError: (error: unknown) => void;
}

/** The pause is at least this many times as long as the work before it, so the work takes at most one per cent of the time. */
const pausesPerWork = 99;

/**
 * Starts the work at once, without awaiting it, and again after each pause, until the result is disposed of. Disposing aborts the
 * work's signal and waits for the work to end.
 */
export function atIntervals(
  work: (signal: AbortSignal) => Promise<void>,
  { everyMs, onError }: IntervalOptions,
): AsyncDisposable {
  const ending = new AbortController();
  const repeat = async () => {
    let pauseMs = 0;
    do {
      const startedAt = performance.now();
      try {
        await work(ending.signal);
      } catch (error) {
        if (!ending.signal.aborted) onError(error);
      }
      pauseMs = Math.max(everyMs, (performance.now() - startedAt) * pausesPerWork);
    } while (await elapsed(pauseMs, ending.signal));
  };
  const repeating = repeat();
  return {
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await repeating;
    },
  };
}
