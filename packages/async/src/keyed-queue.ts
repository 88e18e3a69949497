// Runs work for the same key one after the other, so that it does not compete within this process.

import { untilAborted } from "./abort.ts";

export class KeyedQueue {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Starts the work after all earlier work for the key has settled or was aborted. The signal ends the wait and the work.
   * @throws the work's error; the signal's reason when aborted.
   */
  async run<Result>(key: string, work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const before = this.#last.get(key);
    const result = this.#after(before, work, signal);
    // Work that is aborted while waiting ends before the earlier work that it waits for.
    const ended = result.then(
      () => before,
      () => before,
    );
    this.#last.set(key, ended);
    try {
      return await result;
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key);
    }
  }

  async #after<Result>(
    before: Promise<void> | undefined,
    work: () => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    if (before !== undefined) await untilAborted(before, signal);
    signal.throwIfAborted();
    return await untilAborted(work(), signal);
  }
}
