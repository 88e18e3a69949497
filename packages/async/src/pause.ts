// Pauses that an abort ends.

import { setTimeout as sleep } from "node:timers/promises";
import { timerMs } from "./timer-ms.ts";

/**
 * Resolves after that many milliseconds.
 * @throws the signal's reason as soon as it is aborted; Node's own timer throws an AbortError instead.
 */
export async function pause(pauseMs: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(timerMs(pauseMs), undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** A pause as the condition of a loop: true after the time, false as soon as the signal is aborted. Never rejects. */
export async function elapsed(pauseMs: number, signal: AbortSignal): Promise<boolean> {
  return await pause(pauseMs, signal).then(
    () => true,
    () => false,
  );
}
