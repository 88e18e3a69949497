// Bounds work by time.

import { untilAborted } from "./abort.ts";
import { timerMs } from "./timer-ms.ts";

/** Work did not end before its deadline. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";

  constructor(limitMs: number) {
    super(`no answer within ${limitMs % 1_000 === 0 ? `${limitMs / 1_000} s` : `${limitMs} ms`}`);
  }
}

export interface DeadlineOptions {
  /** Milliseconds from the call on. Infinity leaves the signal as the only bound. */
  readonly limitMs: number;
  /** Ends the wait earlier, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error of a deadline that has passed; a `DeadlineError` by default. */
  readonly error?: (() => Error) | undefined;
}

/**
 * Settles as the work does, unless its deadline or an abort comes first. Work that is a function gets a signal that is aborted
 * then, with the same error; it is not called under a signal that is aborted already. Work that ignores its signal goes on, and
 * what it does later is ignored, a rejection too. The timer and the listener are gone when this settles.
 * @throws the error of the deadline; the signal's reason; what the work throws.
 */
export async function withDeadline<T>(
  work: Promise<T> | ((signal: AbortSignal) => Promise<T>),
  { limitMs, signal, error = () => new DeadlineError(limitMs) }: DeadlineOptions,
): Promise<T> {
  if (typeof work === "function") signal?.throwIfAborted();
  const end = new AbortController();
  // AbortSignal.any would do this too, but what it allocates per call stays until the longer signal is collected.
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
 * Whether the promise resolves within that many milliseconds. It goes on in any case; what it does later is ignored.
 * @throws what it rejects with in that time.
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

/** For a race in which a promise counts only when it fails: rejects with it, and never resolves. */
export function rejectionOf(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    promise.catch(reject);
  });
}
