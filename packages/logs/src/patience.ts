// Waiting out an outage of something that a call needs.

import { setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/core";
import { retryDelayMs } from "./limits.ts";

/**
 * Calls until it succeeds, while the failure is one that trying again may help, for at most `outageMs`.
 * @throws the last failure, or the signal's reason when it aborts between two calls.
 */
export async function withPatience<Result>(
  call: () => Promise<Result>,
  outageMs: number,
  signal: AbortSignal,
): Promise<Result> {
  const deadline = performance.now() + outageMs;
  for (let failures = 0; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      const hopeful = error instanceof SlipwayError && error.retryable && performance.now() < deadline;
      if (!hopeful) throw error;
    }
    await delay(retryDelayMs(failures), undefined, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
  }
}
