// Polls a condition with a time limit. `npm run down` must work before the workspaces of a new version are installed, so this
// does not use `poll` of @slipway/async.

import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 100;

/** Calls `probe` until it returns a value or `timeoutMs` have passed; undefined after the time limit. */
export async function until<T>(
  probe: () => Promise<T | undefined>,
  timeoutMs: number,
): Promise<T | undefined> {
  const giveUpAt = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined || Date.now() >= giveUpAt) return found;
    await sleep(pollMs);
  }
}
