// The worker's side of a deployment's log: output goes in as bytes and becomes numbered, masked, published, kept lines.

import { createHash } from "node:crypto";
import { contain, retry } from "@slipway/async";
import { SlipwayError, notFound, toSlipwayError } from "@slipway/core";
import type { DeploymentStore, LogStore, LogSummary } from "@slipway/core";
import type { RedisKeys } from "@slipway/protocol";
import type { Redis } from "ioredis";
import { defaultLimits, tailAfterEndSeconds } from "./limits.ts";
import type { LogLimits } from "./limits.ts";
import { LineSplitter } from "./line-splitter.ts";
import { RecordOutbox } from "./record-outbox.ts";
import { hashStored, recoverTail } from "./recovery.ts";
import { createMasker } from "./secrets.ts";
import type { Masker } from "./secrets.ts";
import { TailOutbox } from "./tail-outbox.ts";
import { lastSeqOf } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export interface LogWriterOptions {
  /** A connection for commands; commands may wait in it while Redis is away. */
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly store: { readonly logs: LogStore; readonly deployments: Pick<DeploymentStore, "get"> };
  readonly appId: string;
  readonly deploymentId: string;
  readonly attempt: number;
  /** What to mask: see secretsOf. */
  readonly secrets: readonly string[];
  readonly now: () => Date;
  readonly limits?: Partial<LogLimits>;
}

const restLeftOut = " !     There is more output than a log may hold: the rest of it is left out";

/**
 * Opens a deployment's log for one attempt. From here on no older attempt can write it; what an older one published and
 * did not store is stored, and numbers go on after the last line.
 * @throws {SlipwayError} "lease-lost" when a newer attempt holds the deployment or its log.
 */
export async function openLogWriter(options: LogWriterOptions): Promise<LogWriter> {
  const writer = new LogWriter(options);
  try {
    await writer.open();
    return writer;
  } catch (error) {
    await writer[Symbol.asyncDispose]();
    throw error;
  }
}

export class LogWriter implements AsyncDisposable {
  readonly #options: LogWriterOptions;
  readonly #limits: LogLimits;
  readonly #masker: Masker;
  readonly #splitter: LineSplitter;
  readonly #hash = createHash("sha256");
  readonly #failure = new AbortController();
  readonly #tail: TailOutbox;
  readonly #record: RecordOutbox;
  /** Lines of the next batch, not yet masked. */
  #lines: string[] = [];
  #linesChars = 0;
  /** Of all output so far. */
  #outputBytes = 0;
  #lastSeq = 0;
  #timer: NodeJS.Timeout | undefined;
  /** What the timer calls. */
  readonly #sealInTime = contain(
    () => this.#seal(),
    (error) => this.#fail(error),
  );
  /** What is numbered and not stored. */
  #heldChars = 0;
  #room: PromiseWithResolvers<void> | undefined;
  /** Where the chunk before the last stored one ends: the tail keeps one chunk that the store has, for readers on the way. */
  #formerStoredSeq = 0;
  #summary: Promise<LogSummary> | undefined;

  /** Use openLogWriter: a writer must take the log over before it writes. */
  constructor(options: LogWriterOptions) {
    const limits = { ...defaultLimits, ...options.limits };
    const { deploymentId, attempt, store, now } = options;
    const onFailure = (error: unknown) => this.#fail(error);
    const common = { deploymentId, attempt, limits, signal: this.#failure.signal, onFailure };
    this.#options = options;
    this.#limits = limits;
    this.#masker = createMasker(options.secrets);
    this.#splitter = new LineSplitter(this.#masker);
    this.#record = new RecordOutbox({
      ...common,
      logs: store.logs,
      now,
      onStored: (chunk) => this.#stored(chunk),
    });
    this.#tail = new TailOutbox({
      ...common,
      redis: options.redis,
      keys: options.keys,
      appId: options.appId,
      onAcknowledged: (batch) => this.#record.add(batch),
      beforeTakeOver: async () => {
        await this.#checkAttempt();
        await this.#record.flush();
        return this.#record.storedSeq;
      },
    });
  }

  /** Number of the last line so far; an unfinished line of output has none yet. */
  get lastSeq(): number {
    return this.#lastSeq + this.#lines.length;
  }

  /** Aborts, with a SlipwayError as its reason, when the log can be written no more: the attempt has to stop. */
  get signal(): AbortSignal {
    return this.#failure.signal;
  }

  /** Takes the log over. Called once, by openLogWriter. */
  async open(): Promise<void> {
    const { redis, keys, store, deploymentId } = this.#options;
    const place = { redis, keys, logs: store.logs, deploymentId };
    await this.#checkAttempt();
    const lastSeq = await this.#tail.takeOver(await store.logs.lastSeq(deploymentId));
    await recoverTail(place, lastSeq, (batch) => this.#record.store(batch));
    await hashStored(place, lastSeq, this.#hash);
    this.#lastSeq = lastSeq;
    this.#formerStoredSeq = lastSeq;
    this.#record.resumeAt(lastSeq);
  }

  /**
   * Output of the build, in chunks of any size. Of one that is too large the rest is left out, and the log says so.
   * @returns a promise when the producer should wait for it: more is waiting for Redis or the store than may be. It rejects
   * when the log can be written no more.
   */
  write(bytes: Uint8Array): void | Promise<void> {
    const { signal } = this.#failure;
    if (signal.aborted) return Promise.reject(toSlipwayError(signal.reason));
    if (this.#summary) return Promise.reject(new SlipwayError("conflict", "the log has ended"));
    if (this.#outputBytes <= this.#limits.outputBytes) this.#add(this.#kept(this.#splitter.push(bytes)));
    if (this.#heldChars + this.#linesChars <= this.#limits.heldChars) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise.then(() => signal.throwIfAborted());
  }

  /**
   * A line of the platform's own, e.g. "-----> Fetching the source". An unfinished line of output ends before it. In a log
   * that can be written no more it does nothing: flush and end say so.
   */
  line(text: string): void {
    if (this.#failure.signal.aborted || this.#summary) return;
    const unfinished = this.#kept(this.#splitter.end());
    this.#add([...unfinished, ...this.#splitter.push(Buffer.from(`${text}\n`))]);
  }

  /** Resolves when Redis and the store have every numbered line; rejects when they cannot. */
  async flush(): Promise<void> {
    this.#seal();
    await this.#tail.flush();
    await this.#record.flush();
  }

  /**
   * For an attempt that is given up: resolves when the store has all that followers may have seen, so that it stands whatever
   * becomes of Redis.
   * @throws {SlipwayError} "lease-lost" when a newer attempt has the log already.
   */
  async keep(): Promise<void> {
    await this.#checkAttempt();
    await this.#record.flush();
  }

  /**
   * Ends the log: nothing can be written after it. Resolves when Redis and the store have all of it. For the one who knows
   * that the deployment is over: not when it is handed to another attempt (flush, then dispose).
   */
  end(): Promise<LogSummary> {
    this.#summary ??= this.#end();
    return this.#summary;
  }

  /** Gives up what is not flushed, and leaves the log to whoever opens it next. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new SlipwayError("requeued", "the log writer was closed"));
    this.#tail.stop();
    await this.#record.close();
  }

  async #end(): Promise<LogSummary> {
    this.#add(this.#kept(this.#splitter.end()));
    await this.flush();
    await this.#tail.expire(tailAfterEndSeconds);
    return { lineCount: this.#lastSeq, sha256: this.#hash.digest("hex") };
  }

  /** Those of the output's lines that there is room for, and a word where it ends. */
  #kept(lines: readonly string[]): readonly string[] {
    const { outputBytes } = this.#limits;
    if (this.#outputBytes > outputBytes) return [];
    for (const [index, line] of lines.entries()) {
      this.#outputBytes += Buffer.byteLength(line) + 1;
      if (this.#outputBytes > outputBytes) return [...lines.slice(0, index), restLeftOut];
    }
    return lines;
  }

  #add(lines: readonly string[]): void {
    const { batchChars, batchLines, batchDelayMs } = this.#limits;
    for (const line of lines) {
      this.#lines.push(line);
      this.#linesChars += line.length + 1;
      if (this.#linesChars >= batchChars || this.#lines.length >= batchLines) this.#seal();
    }
    if (this.#lines.length > 0) this.#timer ??= setTimeout(this.#sealInTime, batchDelayMs);
  }

  /** Numbers, masks and sends the lines that are there. No secret spans lines, so they are masked as one text. */
  #seal(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lineCount = this.#lines.length;
    if (lineCount === 0 || this.#failure.signal.aborted) return;
    const text = this.#masker.mask(this.#lines.join("\n"));
    this.#hash.update(text).update("\n");
    const batch: LineBatch = { firstSeq: this.#lastSeq + 1, lineCount, text };
    this.#lines = [];
    this.#linesChars = 0;
    this.#lastSeq += lineCount;
    this.#heldChars += text.length + 1;
    this.#tail.add(batch);
  }

  #stored(chunk: LineBatch): void {
    this.#heldChars -= chunk.text.length + 1;
    if (this.#heldChars <= this.#limits.heldChars / 2) this.#makeRoom();
    this.#tail.trimBefore(this.#formerStoredSeq + 1);
    this.#formerStoredSeq = lastSeqOf(chunk);
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  async #checkAttempt(): Promise<void> {
    const { store, deploymentId, attempt } = this.#options;
    const read = () => store.deployments.get(deploymentId);
    const { outageMs: limitMs } = this.#limits;
    const deployment = await retry(read, { limitMs, signal: this.#failure.signal });
    if (deployment === null) throw notFound("deployment");
    if (deployment.attempt <= attempt) return;
    throw new SlipwayError("lease-lost", `attempt ${deployment.attempt} holds the deployment now`);
  }

  #fail(error: unknown): void {
    clearTimeout(this.#timer);
    if (!this.#failure.signal.aborted) this.#failure.abort(toSlipwayError(error));
    this.#makeRoom();
  }
}
