// Waiting for something outside to become ready, with an end. Not `poll` of @slipway/async: `npm run down` has to work
// before the workspaces of a new version are installed, so it imports none.
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 100;

/** Asks `probe` until it yields something or `timeoutMs` is over; undefined when time ran out. */
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
