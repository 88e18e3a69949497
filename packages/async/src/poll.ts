// Waits for a condition that has no event: calls a probe repeatedly.

import { pause } from "./pause.ts";

export interface PollOptions {
  /** The pause between two calls of the probe, in milliseconds. */
  readonly everyMs: number;
  /** A call of the probe that ends after this many milliseconds without a result is the last one. */
  readonly limitMs?: number;
  /** Ends the pauses, with the signal's reason. A running call of the probe is awaited. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls the probe, one call at a time, until it returns something other than undefined and false. It is called at least once.
 * @returns the probe's result; undefined when the time ran out, which needs a `limitMs`.
 * @throws the probe's error; the signal's reason.
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
