// Repeats a failed call while another attempt may succeed.

import { SlipwayError } from "@slipway/core";
import { pause } from "./pause.ts";

export interface RetryOptions {
  /** A failure later than this many milliseconds after the first call is thrown. Default: no limit. */
  readonly limitMs?: number;
  /** Maximum number of calls. Default: no limit. */
  readonly attempts?: number;
  /** Whether another call may succeed. Default: the failure is a SlipwayError that is marked as retryable. */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Milliseconds to wait after this number of consecutive failures, from 1. Default: `backoffMs`. */
  readonly pauseMs?: (failures: number) => number;
  /** Ends the pauses, with the signal's reason. It neither ends a running call nor prevents the first one. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Repeats the call until it succeeds, one call at a time.
 * @throws the last failure, when it is not retryable or a limit is reached; the signal's reason when it is aborted between calls.
 */
export async function retry<T>(call: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { limitMs = Infinity, attempts = Infinity, isRetryable = isMarkedRetryable, signal } = options;
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

/** An exponential backoff in milliseconds: doubles with each consecutive failure, counted from 1, up to a maximum. */
export function backoffMs(failures: number, { firstMs = 50, longestMs = 2_000 } = {}): number {
  return Math.min(longestMs, firstMs * 2 ** (failures - 1));
}

function isMarkedRetryable(error: unknown): boolean {
  return error instanceof SlipwayError && error.retryable;
}
