// Repeats work whose cost grows with what exists, so that it takes a bounded share of the time.

import { elapsed } from "./pause.ts";

export interface IntervalOptions {
  readonly everyMs: number;
  /** Receives each failure. The work is done again after the next pause. */
  readonly onError: (error: unknown) => void;
}

/** The pause after the work is at least this many times as long as the work took: it takes one per cent of the time at most. */
const pausesPerWork = 99;

/**
 * Does the work at once, which is not awaited, and again after each pause, until the result is disposed. That ends the work by its
 * signal and waits for its end.
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
