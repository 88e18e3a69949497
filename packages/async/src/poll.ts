// Waits for what sends no event: calls a probe again and again.

import { pause } from "./pause.ts";

export interface PollOptions {
  /** The pause between two calls of the probe, in milliseconds. */
  readonly everyMs: number;
  /** After this many milliseconds a call of the probe that yields nothing is the last one. */
  readonly limitMs?: number;
  /** Ends the pauses, with its reason. A call of the probe that is under way is waited for. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls the probe, one call at a time, until it yields something other than undefined and false. It is called at least once.
 * @returns what it yielded; undefined when the time ran out, which needs a `limitMs`.
 * @throws what the probe throws; the signal's reason.
 */
export async function poll<T>(
  probe: () => Promise<T | undefined | false>,
  options: PollOptions & { readonly limitMs?: never },
): Promise<T>;
export async function poll<T>(
  probe: () => Promise<T | undefined | false>,
  options: PollOptions,
): Promise<T | undefined>;
export async function poll<T>(
  probe: () => Promise<T | undefined | false>,
  { everyMs, limitMs = Infinity, signal }: PollOptions,
): Promise<T | undefined> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() >= giveUpAt) return undefined;
    await pause(everyMs, signal);
  }
}
