// The longest delay of the event loop. Own code, because monitorEventLoopDelay of Node.js does not see a delay that begins right after its
// reset, for example in the handling of a scrape.

const tickMs = 20;

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
