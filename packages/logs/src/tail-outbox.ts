// The worker's way to Redis: batches in order, several in flight, each acknowledged, whatever happens to the connection.

import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { backoffMs, untilAborted } from "@slipway/async";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import type { LogMessage, RedisKeys } from "@slipway/protocol";
import type { LogLimits } from "./limits.ts";
import { logScripts, refused, runScript } from "./scripts.ts";
import { lastSeqOf } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export interface TailOutboxOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly appId: string;
  readonly deploymentId: string;
  readonly attempt: number;
  readonly limits: LogLimits;
  readonly signal: AbortSignal;
  /** Redis has this batch. Called in order. */
  readonly onAcknowledged: (batch: LineBatch) => void;
  /**
   * Called before the log is taken over again, when Redis lost some of it or a call failed: checks that the attempt still
   * holds the deployment, and brings all acknowledged lines into the store. @returns the store's last sequence number.
   */
  readonly beforeTakeOver: () => Promise<number>;
  readonly onFailure: (error: unknown) => void;
}

/** Between recoveries that fail. */
const pauses = { firstMs: 100 };

/** Sends a log's batches. What Redis has not acknowledged is kept and sent again. */
export class TailOutbox {
  readonly #options: TailOutboxOptions;
  readonly #logKeys: readonly [head: string, tail: string];
  readonly #channel: string;
  /** Not acknowledged, in order; the first `#sent` of them are on their way. */
  #unacknowledged: LineBatch[] = [];
  #sent = 0;
  /** Calls that were not answered yet. */
  #pending = 0;
  #trimBeforeSeq = 0;
  #interruption: { readonly cause: unknown } | undefined;
  #recovering = false;
  /** Recoveries since the last batch that Redis took. */
  #failures = 0;
  #idle = Promise.withResolvers<void>();
  #lastProgressAt = performance.now();
  readonly #watch: NodeJS.Timeout;

  constructor(options: TailOutboxOptions) {
    const { keys, appId, deploymentId, limits } = options;
    this.#options = options;
    this.#logKeys = [keys.logHead(deploymentId), keys.logTail(deploymentId)];
    this.#channel = keys.appChannel(appId);
    this.#idle.resolve();
    this.#watch = setInterval(() => this.#checkProgress(), Math.min(1_000, limits.outageMs / 4)).unref();
  }

  /**
   * Makes this attempt the log's only writer. @param storedSeq the store's last sequence number.
   * @returns the last sequence number that Redis (or the store) has. @throws {SlipwayError} "lease-lost" for a stale attempt.
   */
  async takeOver(storedSeq: number): Promise<number> {
    const { redis, attempt } = this.#options;
    const lastSeq = await runScript(redis, logScripts.takeOver, this.#logKeys, [attempt, storedSeq]);
    if (lastSeq === refused.stale) throw staleAttempt(attempt);
    return lastSeq;
  }

  /** Takes a batch that follows on what it took before. */
  add(batch: LineBatch): void {
    if (this.#unacknowledged.length === 0) {
      this.#idle = Promise.withResolvers();
      this.#lastProgressAt = performance.now();
    }
    this.#unacknowledged.push(batch);
    this.#send();
  }

  /** Resolves when Redis has all that was added. */
  async flush(): Promise<void> {
    await untilAborted(this.#idle.promise, this.#options.signal);
  }

  /** From the next batch on, the tail keeps only batches that begin at `seq` or later. */
  trimBefore(seq: number): void {
    this.#trimBeforeSeq = seq;
  }

  /** Lets Redis forget the log after this many seconds. */
  async expire(seconds: number): Promise<void> {
    await Promise.all(this.#logKeys.map((key) => this.#options.redis.expire(key, seconds)));
  }

  stop(): void {
    clearInterval(this.#watch);
  }

  #send(): void {
    const { limits, signal, onFailure } = this.#options;
    while (this.#interruption === undefined && !signal.aborted && this.#pending < limits.batchesInFlight) {
      const batch = this.#unacknowledged[this.#sent];
      if (batch === undefined) return;
      this.#sent += 1;
      this.#pending += 1;
      this.#append(batch)
        .then(
          (answer) => this.#answered(answer),
          (error: unknown) => this.#answered(undefined, error),
        )
        .catch(onFailure);
    }
  }

  async #append({ firstSeq, lineCount, text }: LineBatch): Promise<number> {
    const { redis, attempt, deploymentId } = this.#options;
    const message: LogMessage = { type: "log", deploymentId, firstSeq, text };
    const trimBefore = Math.min(this.#trimBeforeSeq, firstSeq);
    const values = [attempt, firstSeq, lineCount, this.#channel, JSON.stringify(message), trimBefore];
    return runScript(redis, logScripts.append, this.#logKeys, values);
  }

  /** @param answer undefined when the call failed. */
  #answered(answer: number | undefined, cause?: unknown): void {
    this.#pending -= 1;
    if (this.#options.signal.aborted) return;
    if (answer === refused.stale) {
      this.#options.onFailure(staleAttempt(this.#options.attempt));
      return;
    }
    if (answer === undefined || answer === refused.gap) this.#interruption ??= { cause };
    else this.#acknowledge(answer);
    if (this.#interruption === undefined) this.#send();
    else if (this.#pending === 0) this.#recover().catch(this.#options.onFailure);
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
    if (this.#unacknowledged.length === 0) this.#idle.resolve();
  }

  /** After a failed call or lost data: takes the log over again and sends what is missing, until it works. */
  async #recover(): Promise<void> {
    if (this.#recovering) return;
    this.#recovering = true;
    while (!this.#options.signal.aborted) {
      try {
        if (this.#failures > 0) await delay(backoffMs(this.#failures, pauses), undefined, { ref: false });
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
    if (!stalled || this.#unacknowledged.length === 0) return;
    const cause = this.#interruption?.cause;
    const reason = cause === undefined ? "" : `: ${toSlipwayError(cause).message}`;
    this.#options.onFailure(
      new SlipwayError("queue-unavailable", `Redis takes no log lines${reason}`, { cause }),
    );
  }
}

function staleAttempt(attempt: number): SlipwayError {
  return new SlipwayError("lease-lost", `a newer attempt than ${attempt} has taken the log over`);
}
