// The worker's way to the store: lines that Redis acknowledged, in larger chunks, one after the other.

import { retry } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { LogStore } from "@slipway/core";
import type { LogLimits } from "./limits.ts";
import { joined, lastSeqOf } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export interface RecordOutboxOptions {
  readonly logs: LogStore;
  readonly deploymentId: string;
  readonly attempt: number;
  readonly limits: LogLimits;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** A chunk is in the store: its lines need not be held any more. */
  readonly onStored: (chunk: LineBatch) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Writes a log's record. Waits out an outage of the store within its bound. */
export class RecordOutbox {
  readonly #options: RecordOutboxOptions;
  #waiting: LineBatch[] = [];
  #waitingChars = 0;
  #storedSeq = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: RecordOutboxOptions) {
    this.#options = options;
  }

  /** Sequence number of the last line the store has. */
  get storedSeq(): number {
    return this.#storedSeq;
  }

  /** Says what the store has already, before the first batch is added. */
  resumeAt(storedSeq: number): void {
    this.#storedSeq = storedSeq;
  }

  /** Takes a batch that follows on what it took before. */
  add(batch: LineBatch): void {
    this.#waiting.push(batch);
    this.#waitingChars += batch.text.length;
    const { chunkChars, chunkDelayMs } = this.#options.limits;
    if (this.#waitingChars >= chunkChars) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), chunkDelayMs);
  }

  /** Resolves when the store has all that was added; rejects when it cannot be written. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#writing !== undefined) {
      this.#options.signal.throwIfAborted();
      this.#start();
      await this.#writing;
    }
    this.#options.signal.throwIfAborted();
  }

  /**
   * Keeps a chunk at once; for what comes before all that is added.
   * @throws {SlipwayError} "lease-lost" when a newer attempt's chunk stands there.
   */
  async store(chunk: LineBatch): Promise<void> {
    const { logs, deploymentId, attempt, now, signal, limits } = this.#options;
    const append = () => logs.append({ ...chunk, deploymentId, attempt, at: now() });
    const kept = await retry(append, { limitMs: limits.outageMs, signal });
    if (!kept) throw new SlipwayError("lease-lost", "a newer attempt has written this part of the log");
  }

  /** Starts no more writing and waits for what is being written, as the signal lets it. */
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

  /** Writes until less than a chunk is left that came meanwhile. */
  async #writeAll(): Promise<void> {
    do {
      this.#stopTimer();
      const batches = this.#waiting;
      this.#waiting = [];
      this.#waitingChars = 0;
      const chunk = joined(batches);
      if (chunk === undefined) return;
      await this.store(chunk);
      this.#storedSeq = lastSeqOf(chunk);
      this.#options.onStored(chunk);
    } while (this.#waitingChars >= this.#options.limits.chunkChars);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
