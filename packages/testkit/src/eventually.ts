// Waits for what a test is told of by nobody: it asks again and again.

import { poll } from "@slipway/async";

const pollMs = 50;

/** Asks until there is an answer other than undefined and false; the test's own timeout is the bound. */
export async function eventually<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  return await poll(probe, { everyMs: pollMs });
}
