// Collects spans until a batch is worth sending.

import type { SpanRecord } from "./spans.ts";

export interface BatchOptions {
  /** Sends a batch. It does not reject: it reports a batch that it cannot send. */
  readonly send: (spans: readonly SpanRecord[]) => Promise<void>;
  /** Maximum time that a span waits for others, unless a batch is being sent. */
  readonly delayMs: number;
  /** Maximum number of spans per batch. */
  readonly maxSpans: number;
  /** Maximum number of waiting spans; further ones are dropped. */
  readonly maxQueuedSpans: number;
}

/** Sends one batch at a time. Disposing it sends the waiting spans. */
export class SpanBatches implements AsyncDisposable {
  readonly #options: BatchOptions;
  #queued: SpanRecord[] = [];
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  add(span: SpanRecord): void {
    if (this.#queued.length >= this.#options.maxQueuedSpans) return;
    this.#queued.push(span);
    if (this.#sending === null) this.#schedule();
  }

  /** Sends all batches concurrently, because each may take as long as the time limit for the collector. */
  async [Symbol.asyncDispose](): Promise<void> {
    const sent = this.#sending === null ? [] : [this.#sending];
    while (this.#queued.length > 0) sent.push(this.#options.send(this.#take()));
    await Promise.all(sent);
  }

  #schedule(): void {
    const begin = () => {
      this.#sending = this.#send();
    };
    if (this.#queued.length >= this.#options.maxSpans) begin();
    else this.#timer ??= setTimeout(begin, this.#options.delayMs).unref();
  }

  async #send(): Promise<void> {
    await this.#options.send(this.#take());
    this.#sending = null;
    if (this.#queued.length > 0) this.#schedule();
  }

  #take(): readonly SpanRecord[] {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    return this.#queued.splice(0, this.#options.maxSpans);
  }
}
