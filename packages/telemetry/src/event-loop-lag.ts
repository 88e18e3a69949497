// The longest delay of the event loop. Own code, because Node.js's monitorEventLoopDelay misses a delay that begins right after its
// reset, for example while a scrape is handled.

/** Shorter delays may be missed. A shorter interval would wake up an idle process more often. */
const tickMs = 100;

export class EventLoopLag implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #tickedAt = performance.now();
  #maxMs = 0;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), tickMs).unref();
  }

  /** @returns the longest delay since the previous call. */
  takeMaxSeconds(): number {
    this.#tick();
    const seconds = this.#maxMs / 1e3;
    this.#maxMs = 0;
    return seconds;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.#maxMs = Math.max(this.#maxMs, now - this.#tickedAt - tickMs);
    this.#tickedAt = now;
  }
}
