// Stores the lines that Redis acknowledged, in chunks larger than the batches, one chunk at a time.

import { retry } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { LogStore } from "@slipway/core";
import type { LogLimits } from "./limits.ts";
import { joinBatches, lastSeqOf } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export interface RecordOutboxOptions {
  readonly logs: LogStore;
  readonly deploymentId: string;
  readonly attempt: number;
  readonly limits: LogLimits;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** Called when a chunk was stored. Its lines need not be kept in memory any longer. */
  readonly onStored: (chunk: LineBatch) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Stores a log. Retries for at most `outageMs` while the store is unavailable. */
export class RecordOutbox {
  readonly #options: RecordOutboxOptions;
  readonly #queue: LineBatch[] = [];
  #queuedChars = 0;
  #storedSeq = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: RecordOutboxOptions) {
    this.#options = options;
  }

  /** Number of the last stored line. */
  get storedSeq(): number {
    return this.#storedSeq;
  }

  /** Sets the number of the last stored line. Called before the first batch is added. */
  resumeAt(storedSeq: number): void {
    this.#storedSeq = storedSeq;
  }

  /** Queues a batch, which must follow the previous one. */
  add(batch: LineBatch): void {
    this.#queue.push(batch);
    this.#queuedChars += batch.text.length;
    const { chunkChars } = this.#options.limits;
    if (this.#queuedChars >= chunkChars) this.#start();
    else this.#startTimer();
  }

  /** Resolves when all added batches are stored; rejects when they cannot be stored. */
  async flush(): Promise<void> {
    while (this.#queue.length > 0 || this.#writing !== undefined) {
      this.#options.signal.throwIfAborted();
      this.#start();
      await this.#writing;
    }
    this.#options.signal.throwIfAborted();
  }

  /**
   * Stores a chunk at once, for lines that precede all added batches.
   * @throws {SlipwayError} "lease-lost" when a newer attempt has stored a chunk at its position.
   */
  async store(chunk: LineBatch): Promise<void> {
    const { logs, deploymentId, attempt, now, signal, limits } = this.#options;
    const { at = now() } = chunk;
    const append = () => logs.append({ ...chunk, deploymentId, attempt, at });
    const stored = await retry(append, { limitMs: limits.outageMs, signal });
    if (!stored) throw new SlipwayError("lease-lost", "a newer attempt has written this part of the log");
  }

  /** Starts no more writes, and waits for the current one. */
  async close(): Promise<void> {
    this.#stopTimer();
    await this.#writing;
  }

  #start(): void {
    if (this.#writing !== undefined || this.#options.signal.aborted) return;
    this.#writing = this.#writeAll()
      .catch((error: unknown) => this.#options.onFailure(error))
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** Stores the queue, and repeats that while another full chunk was added in the meantime. */
  async #writeAll(): Promise<void> {
    do {
      this.#stopTimer();
      const chunk = joinBatches(this.#takeChunk());
      if (chunk === undefined) return;
      await this.store(chunk);
      this.#storedSeq = lastSeqOf(chunk);
      this.#options.onStored(chunk);
    } while (this.#queuedChars >= this.#options.limits.chunkChars);
    if (this.#queue.length > 0) this.#startTimer();
  }

  /** Takes the first batches out of the queue, until they fill a chunk: readers hold a whole chunk in memory. */
  #takeChunk(): readonly LineBatch[] {
    let chars = 0;
    const next = this.#queue.findIndex(({ text }) => {
      chars += text.length;
      return chars >= this.#options.limits.chunkChars;
    });
    const batches = this.#queue.splice(0, next === -1 ? this.#queue.length : next + 1);
    this.#queuedChars -= chars;
    return batches;
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#start();
    }, this.#options.limits.chunkDelayMs);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
