// Lets concurrent callers of the same work share it.

import { untilAborted } from "@slipway/async";

interface Running<T> {
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  callers: number;
}

/** Work by key. It continues while a caller waits for it, and is aborted when the last caller stops waiting. */
export class SharedWork<T> {
  readonly #running = new Map<string, Running<T>>();

  /**
   * Starts the work, or waits for the work under the same key that is running.
   * @throws the work's error; the signal's reason when aborted, which does not affect other callers.
   */
  async join(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#start(key, work);
    running.callers += 1;
    try {
      return await untilAborted(running.promise, signal);
    } finally {
      running.callers -= 1;
      if (running.callers === 0) {
        this.#remove(key, running);
        running.controller.abort();
      }
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Running<T> {
    const controller = new AbortController();
    const running: Running<T> = { promise: work(controller.signal), controller, callers: 0 };
    this.#running.set(key, running);
    const remove = (): void => this.#remove(key, running);
    running.promise.then(remove, remove);
    return running;
  }

  #remove(key: string, running: Running<T>): void {
    if (this.#running.get(key) === running) this.#running.delete(key);
  }
}
