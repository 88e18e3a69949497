// Waits for what a test is told of by nobody: it asks again and again.

import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 50;

/** Asks until there is an answer other than undefined and false; the test's own timeout is the bound. */
export async function eventually<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    await sleep(pollMs);
  }
}
