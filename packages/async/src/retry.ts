// Calls again what failed, while another try may help.

import { SlipwayError } from "@slipway/core";
import { pause } from "./pause.ts";

export interface RetryOptions {
  /** A failure later than this many milliseconds after the first call is thrown. Default: no bound. */
  readonly limitMs?: number;
  /** Calls in all. Default: no bound. */
  readonly attempts?: number;
  /** Whether another call may help. Default: the failure is a SlipwayError that says so of itself. */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Milliseconds to wait after that many failures in a row, from 1 on. Default: `backoffMs`. */
  readonly pauseMs?: (failures: number) => number;
  /** Ends the pauses, with its reason. It does not end a call under way, nor prevent the first one. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls until a call succeeds, one call at a time.
 * @throws the last failure, when it is not retryable or a bound is reached; the signal's reason when it is aborted between calls.
 */
export async function retry<T>(call: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { limitMs = Infinity, attempts = Infinity, isRetryable = saysRetryable, signal } = options;
  const { pauseMs = backoffMs } = options;
  const giveUpAt = performance.now() + limitMs;
  for (let failures = 1; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      if (failures >= attempts || performance.now() >= giveUpAt || !isRetryable(error)) throw error;
    }
    await pause(pauseMs(failures), signal);
  }
}

/** A pause that doubles with each failure in a row, counted from 1, up to a longest one. In milliseconds. */
export function backoffMs(failures: number, { firstMs = 50, longestMs = 2_000 } = {}): number {
  return Math.min(longestMs, firstMs * 2 ** (failures - 1));
}

function saysRetryable(error: unknown): boolean {
  return error instanceof SlipwayError && error.retryable;
}
