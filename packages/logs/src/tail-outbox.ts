// Sends a log's batches to Redis: in order, several in flight, and again after failures until Redis acknowledges them.

import { setTimeout as delay } from "node:timers/promises";
import { backoffMs, untilAborted } from "@slipway/async";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import type { LogLimits } from "./limits.ts";
import { rejected } from "./owned-log.ts";
import type { OwnedLog } from "./owned-log.ts";
import { lastSeqOf } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export interface TailOutboxOptions {
  readonly log: OwnedLog;
  readonly attempt: number;
  readonly limits: LogLimits;
  readonly signal: AbortSignal;
  /** Called in order for each batch that Redis has acknowledged. */
  readonly onAcknowledged: (batch: LineBatch) => void;
  /** Called when Redis has acknowledged all batches. It may add the next one. */
  readonly onIdle: () => void;
  /**
   * Called before the log is taken over again, after Redis lost data or a call failed. It verifies that the attempt is still
   * current, and stores all acknowledged lines. @returns the number of the last stored line.
   */
  readonly beforeTakeOver: () => Promise<number>;
  readonly onFailure: (error: unknown) => void;
}

const recoveryBackoff = { firstMs: 100 };

/** Sends a log's batches. Keeps each batch until Redis has acknowledged it. */
export class TailOutbox {
  readonly #options: TailOutboxOptions;
  /** Unacknowledged batches in order. The first `#sent` of them are in flight. */
  #unacknowledged: LineBatch[] = [];
  #sent = 0;
  #pendingCalls = 0;
  #trimBeforeSeq = 0;
  #interruption: { readonly cause: unknown } | undefined;
  #recovering = false;
  /** Number of recoveries since the last acknowledged batch. */
  #failures = 0;
  #idle = Promise.withResolvers<void>();
  #lastProgressAt = performance.now();
  readonly #progressTimer: NodeJS.Timeout;

  constructor(options: TailOutboxOptions) {
    const { limits } = options;
    this.#options = options;
    this.#idle.resolve();
    const checkMs = Math.min(1_000, limits.outageMs / 4);
    this.#progressTimer = setInterval(() => this.#checkProgress(), checkMs).unref();
  }

  /**
   * Makes this attempt the log's only writer. @param storedSeq number of the last stored line.
   * @returns the number of the log's last line. @throws {SlipwayError} "lease-lost" when a newer attempt owns the log.
   */
  async takeOver(storedSeq: number): Promise<number> {
    const { log, attempt } = this.#options;
    const lastSeq = await log.takeOver(storedSeq);
    if (lastSeq === rejected.stale) throw staleAttempt(attempt);
    return lastSeq;
  }

  /** Whether Redis has acknowledged all added batches. */
  get isIdle(): boolean {
    return this.#unacknowledged.length === 0;
  }

  /** Sends a batch, which must follow the previous one. */
  add(batch: LineBatch): void {
    if (this.isIdle) {
      this.#idle = Promise.withResolvers();
      this.#lastProgressAt = performance.now();
    }
    this.#unacknowledged.push(batch);
    this.#send();
  }

  /** Resolves when Redis has acknowledged all added batches. */
  async flush(): Promise<void> {
    await untilAborted(this.#idle.promise, this.#options.signal);
  }

  /** Lets the next append remove the batches that begin before line `seq` from the tail. */
  trimBefore(seq: number): void {
    this.#trimBeforeSeq = seq;
  }

  stop(): void {
    clearInterval(this.#progressTimer);
  }

  #send(): void {
    const { limits, signal, onFailure } = this.#options;
    while (
      this.#interruption === undefined &&
      !signal.aborted &&
      this.#pendingCalls < limits.batchesInFlight
    ) {
      const batch = this.#unacknowledged[this.#sent];
      if (batch === undefined) return;
      this.#sent += 1;
      this.#pendingCalls += 1;
      this.#options.log
        .append(batch, Math.min(this.#trimBeforeSeq, batch.firstSeq))
        .then(
          (result) => this.#completeCall(result),
          (error: unknown) => this.#completeCall(undefined, error),
        )
        .catch(onFailure);
    }
  }

  /** @param result the result of the append script; undefined when the call failed. */
  #completeCall(result: number | undefined, cause?: unknown): void {
    this.#pendingCalls -= 1;
    if (this.#options.signal.aborted) return;
    if (result === rejected.stale) {
      this.#options.onFailure(staleAttempt(this.#options.attempt));
      return;
    }
    if (result === undefined || result === rejected.gap) this.#interruption ??= { cause };
    else this.#acknowledge(result);
    if (this.#interruption === undefined) this.#send();
    else if (this.#pendingCalls === 0) this.#recover().catch(this.#options.onFailure);
  }

  #acknowledge(lastSeq: number): void {
    let count = 0;
    for (const batch of this.#unacknowledged) {
      if (lastSeqOf(batch) > lastSeq) break;
      this.#options.onAcknowledged(batch);
      count += 1;
    }
    if (count === 0) return;
    this.#unacknowledged.splice(0, count);
    this.#sent = Math.max(0, this.#sent - count);
    this.#failures = 0;
    this.#lastProgressAt = performance.now();
    if (!this.isIdle) return;
    this.#idle.resolve();
    this.#options.onIdle();
  }

  /** Takes over the log again after a failed call or lost data, and sends the missing batches. Retries until it succeeds. */
  async #recover(): Promise<void> {
    if (this.#recovering) return;
    this.#recovering = true;
    while (!this.#options.signal.aborted) {
      try {
        const pauseMs = this.#failures > 0 ? backoffMs(this.#failures, recoveryBackoff) : 0;
        if (pauseMs > 0) await delay(pauseMs, undefined, { ref: false });
        this.#failures += 1;
        const storedSeq = await this.#options.beforeTakeOver();
        const lastSeq = await this.takeOver(storedSeq);
        this.#interruption = undefined;
        this.#sent = 0;
        this.#acknowledge(lastSeq);
        break;
      } catch (error) {
        if (error instanceof SlipwayError && !error.retryable) {
          this.#options.onFailure(error);
          break;
        }
        this.#interruption = { cause: error };
      }
    }
    this.#recovering = false;
    this.#send();
  }

  #checkProgress(): void {
    const stalled = performance.now() - this.#lastProgressAt > this.#options.limits.outageMs;
    if (!stalled || this.isIdle) return;
    const cause = this.#interruption?.cause;
    const reason = cause === undefined ? "" : `: ${toSlipwayError(cause).message}`;
    this.#options.onFailure(
      new SlipwayError("queue-unavailable", `Redis accepts no log lines${reason}`, { cause }),
    );
  }
}

function staleAttempt(attempt: number): SlipwayError {
  return new SlipwayError("lease-lost", `an attempt newer than ${attempt} has taken over the log`);
}
