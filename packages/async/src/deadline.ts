// Limits the time that work may take.

import { untilAborted } from "./abort.ts";
import { timerMs } from "./timer-ms.ts";

/** The error of work that did not end before its deadline. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";

  constructor(limitMs: number) {
    super(`no answer within ${limitMs % 1_000 === 0 ? `${limitMs / 1_000} s` : `${limitMs} ms`}`);
  }
}

export interface DeadlineOptions {
  /** Milliseconds from the call on. With Infinity only the signal ends the wait. */
  readonly limitMs: number;
  /** Ends the wait earlier, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Creates the error of a missed deadline. Default: a `DeadlineError`. */
  readonly error?: (() => Error) | undefined;
}

/**
 * Settles as the work does, unless its deadline or an abort comes first. Work given as a function gets a signal that is aborted
 * at that moment with the same error; it is not called if the signal is aborted already. Work that ignores its signal continues, and
 * its later result or rejection is ignored. The timer and the listener are gone when this settles.
 * @throws the deadline's error; the signal's reason; the work's error.
 */
export async function withDeadline<T>(
  work: Promise<T> | ((signal: AbortSignal) => Promise<T>),
  { limitMs, signal, error = () => new DeadlineError(limitMs) }: DeadlineOptions,
): Promise<T> {
  if (typeof work === "function") signal?.throwIfAborted();
  const end = new AbortController();
  // AbortSignal.any would do the same, but its allocations per call are only collected with the longer-lived signal.
  const abort = (): void => end.abort(signal?.reason);
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(() => end.abort(error()), timerMs(limitMs));
  try {
    return await untilAborted(typeof work === "function" ? work(end.signal) : work, end.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * Whether the promise resolves within that many milliseconds. The promise continues in any case; its later result is ignored.
 * @throws the promise's rejection within that time.
 */
export async function endsWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), timerMs(limitMs));
  try {
    return await Promise.race([promise.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** For races in which only a promise's failure counts: rejects when the promise does, and never resolves. */
export function rejectionOf(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    promise.catch(reject);
  });
}
