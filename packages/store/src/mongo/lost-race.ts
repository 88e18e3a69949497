// The pause after a lost race, so that concurrent writers of one document collide less often.

import { backoffMs, pause } from "@slipway/async";

const pauses = { firstMs: 20, longestMs: 500 };

/** Waits for some time, at most twice as long as after the round before. @throws the signal's reason once it is aborted. */
export async function pauseAfterLostRace(lost: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (lost === 0) return;
  await pause(Math.random() * backoffMs(lost, pauses), signal);
}
