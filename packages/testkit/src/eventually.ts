// Waits for a condition that emits no event, by polling.

import { poll } from "@slipway/async";

const pollMs = 50;

/** Calls `probe` until it resolves to something other than undefined and false, for at most the test's timeout. */
export async function eventually<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  return await poll(probe, { everyMs: pollMs });
}
