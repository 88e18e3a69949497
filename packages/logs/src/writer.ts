// Writes a deployment's log: splits output into lines, masks, numbers, publishes and stores them.

import { createHash } from "node:crypto";
import { retry } from "@slipway/async";
import type { Bus } from "@slipway/bus";
import { SlipwayError, notFound, toSlipwayError } from "@slipway/core";
import type { DeploymentStore, LogStore, LogSummary } from "@slipway/core";
import { count, record } from "@slipway/telemetry";
import { defaultLimits, tailAfterEndSeconds } from "./limits.ts";
import type { LogLimits } from "./limits.ts";
import { LineSplitter } from "./line-splitter.ts";
import { ownedLog } from "./owned-log.ts";
import type { OwnedLog } from "./owned-log.ts";
import { RecordOutbox } from "./record-outbox.ts";
import { RecentLines } from "./recent-lines.ts";
import type { NumberedLine } from "./recent-lines.ts";
import { hashStored, recoverTail } from "./recovery.ts";
import { createMasker } from "./masker.ts";
import type { Masker } from "./masker.ts";
import type { Secret } from "./secrets.ts";
import { TailOutbox } from "./tail-outbox.ts";
import { lastSeqOf } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export interface LogWriterOptions {
  /** Its connection is allowed to queue commands while Redis is unavailable. */
  readonly bus: Bus;
  readonly store: { readonly logs: LogStore; readonly deployments: Pick<DeploymentStore, "get"> };
  readonly appId: string;
  readonly deploymentId: string;
  readonly attempt: number;
  /** The secrets to mask, see `secretsOf`. */
  readonly secrets: readonly Secret[];
  readonly now: () => Date;
  readonly limits?: Partial<LogLimits>;
}

const maxNamedVariables = 20;
const truncationNotice = " !     The output exceeds the size limit of the log: the rest is omitted";

/**
 * Opens a deployment's log for one attempt. Older attempts can no longer write it. Lines that an older attempt published but did
 * not store are stored, and the numbering continues after the last line.
 * @throws {SlipwayError} "lease-lost" when a newer attempt owns the deployment or its log.
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
  readonly #log: OwnedLog;
  readonly #tail: TailOutbox;
  readonly #record: RecordOutbox;
  /** The unmasked lines of the next batch. */
  #lines: string[] = [];
  #linesChars = 0;
  /** When the first of these lines was written. */
  #linesAt = new Date(0);
  readonly #recent = new RecentLines();
  /** Size of the output so far, without the platform's lines, plus all output of earlier attempts. */
  #outputBytes = 0;
  /** Set when output beyond `outputBytes` is omitted, which the log states. */
  #omits = false;
  #lastSeq = 0;
  /** Size of the numbered lines that are not stored yet. */
  #unstoredChars = 0;
  /** Set while `write` applies backpressure. */
  #backpressure: PromiseWithResolvers<void> | undefined;
  /** Number of the last line in the second to last stored chunk. The tail keeps the last stored chunk for concurrent readers. */
  #trimmableSeq = 0;
  #summary: Promise<LogSummary> | undefined;

  /** Use `openLogWriter`: a writer must take over the log before it writes. */
  constructor(options: LogWriterOptions) {
    const limits = { ...defaultLimits, ...options.limits };
    const { deploymentId, attempt, store, now } = options;
    const onFailure = (error: unknown) => this.#fail(error);
    const common = { deploymentId, attempt, limits, signal: this.#failure.signal, onFailure };
    this.#options = options;
    this.#log = ownedLog(options);
    this.#limits = limits;
    this.#masker = createMasker(options.secrets);
    this.#splitter = new LineSplitter(this.#masker);
    this.#record = new RecordOutbox({
      ...common,
      logs: store.logs,
      now,
      onStored: (chunk) => this.#release(chunk),
    });
    this.#tail = new TailOutbox({
      ...common,
      log: this.#log,
      onAcknowledged: (batch) => this.#acknowledge(batch),
      onIdle: () => this.#sendBatch(),
      beforeTakeOver: async () => {
        await this.#checkAttempt();
        await this.#record.flush();
        return this.#record.storedSeq;
      },
    });
  }

  /** Number of the last line. An unfinished line of output has no number yet. */
  get lastSeq(): number {
    return this.#lastSeq + this.#lines.length;
  }

  /** The latest lines as they are in the log, with their numbers, including an unfinished line. */
  recentLines(): readonly NumberedLine[] {
    this.#add(this.#limitOutput(this.#splitter.end()));
    this.#sendBatch();
    return this.#recent.lines();
  }

  /** Aborts with a SlipwayError when the log can no longer be written. The attempt must stop then. */
  get signal(): AbortSignal {
    return this.#failure.signal;
  }

  /** Takes the log over. Called once, by openLogWriter. */
  async open(): Promise<void> {
    const { bus, store, deploymentId } = this.#options;
    const context = { bus, logs: store.logs, deploymentId };
    await this.#checkAttempt();
    const lastSeq = await recoverTail(context, {
      takeOver: (storedSeq) => this.#tail.takeOver(storedSeq),
      store: (batch) => this.#record.store(batch),
    });
    this.#outputBytes = await hashStored(context, lastSeq, this.#hash);
    this.#lastSeq = lastSeq;
    this.#trimmableSeq = lastSeq;
    this.#record.resumeAt(lastSeq);
  }

  /**
   * Writes output of the build, in chunks of any size. Output beyond `outputBytes` is omitted, which a line in the log states.
   * @returns a promise while too much of the log is unstored: the producer must await it. It rejects when the log can no
   * longer be written.
   */
  write(bytes: Uint8Array): void | Promise<void> {
    const { signal } = this.#failure;
    if (signal.aborted) return Promise.reject(toSlipwayError(signal.reason));
    if (this.#summary) return Promise.reject(new SlipwayError("conflict", "the log has ended"));
    if (!this.#omits) this.#add(this.#limitOutput(this.#splitter.push(bytes)));
    if (this.#unstoredChars + this.#linesChars <= this.#limits.unstoredChars) return undefined;
    this.#backpressure ??= Promise.withResolvers();
    return this.#backpressure.promise.then(() => signal.throwIfAborted());
  }

  /**
   * Writes one of Slipway's own lines, e.g. "-----> Fetching the source", after ending an unfinished line of output. Does
   * nothing when the log can no longer be written: `flush` and `end` reject in that case.
   */
  line(text: string): void {
    if (this.#failure.signal.aborted || this.#summary) return;
    const unfinished = this.#limitOutput(this.#splitter.end());
    this.#add([...unfinished, ...this.#splitter.push(Buffer.from(`${text}\n`))]);
  }

  /** Masks secrets, as in the log, in a text about the attempt that is shown elsewhere. */
  mask(text: string): string {
    return this.#masker.mask(text);
  }

  /** Resolves when Redis and the store have all lines; rejects when the log can no longer be written. */
  async flush(): Promise<void> {
    this.#sendBatch();
    await this.#tail.flush();
    await this.#record.flush();
  }

  /**
   * Stores all lines that followers may have received, so that a loss of data in Redis does not change them. For an attempt that
   * is abandoned.
   * @throws {SlipwayError} "lease-lost" when a newer attempt owns the deployment.
   */
  async storePublished(): Promise<void> {
    await this.#checkAttempt();
    await this.#record.flush();
  }

  /**
   * Ends the log of a finished deployment: nothing can be written afterwards. Resolves when Redis and the store have the whole log.
   * An attempt that leaves the deployment to another attempt calls `flush` and disposes of the writer instead.
   */
  end(): Promise<LogSummary> {
    this.#summary ??= this.#end();
    return this.#summary;
  }

  /** Discards lines that were not flushed. The log stays open for another attempt. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new SlipwayError("requeued", "the log writer was closed"));
    this.#tail.stop();
    await this.#record.close();
  }

  async #end(): Promise<LogSummary> {
    this.#add(this.#limitOutput(this.#splitter.end()));
    this.#sendBatch();
    this.#add(maskingNotice(this.#masker.hidden()));
    await this.flush();
    await this.#log.expire(tailAfterEndSeconds);
    return { lineCount: this.#lastSeq, sha256: this.#hash.digest("hex") };
  }

  /** @returns the lines within `outputBytes`, followed by a notice when this call exceeds it. */
  #limitOutput(lines: readonly string[]): readonly string[] {
    if (this.#omits) return [];
    for (const [index, line] of lines.entries()) {
      this.#outputBytes += Buffer.byteLength(line) + 1;
      this.#omits = this.#outputBytes > this.#limits.outputBytes;
      if (this.#omits) return [...lines.slice(0, index), truncationNotice];
    }
    return lines;
  }

  /** Sends the lines at once when Redis has acknowledged all others; otherwise collects them until it has, or until they fill a batch. */
  #add(lines: readonly string[]): void {
    const { batchChars, batchLines } = this.#limits;
    for (const line of lines) {
      if (this.#lines.length === 0) this.#linesAt = this.#options.now();
      this.#lines.push(line);
      this.#linesChars += line.length + 1;
      if (this.#linesChars >= batchChars || this.#lines.length >= batchLines) this.#sendBatch();
    }
    if (this.#tail.isIdle) this.#sendBatch();
  }

  /** Numbers, masks and sends the collected lines. No secret spans lines, so they are masked as one text. */
  #sendBatch(): void {
    const lineCount = this.#lines.length;
    if (lineCount === 0 || this.#failure.signal.aborted) return;
    const text = this.#masker.mask(this.#lines.join("\n"));
    this.#hash.update(text).update("\n");
    const at = this.#linesAt;
    const batch: LineBatch = { firstSeq: this.#lastSeq + 1, lineCount, text, at };
    this.#recent.add(batch);
    this.#lines = [];
    this.#linesChars = 0;
    this.#lastSeq += lineCount;
    count("slipway_log_lines_total", {}, lineCount);
    this.#unstoredChars += text.length + 1;
    this.#tail.add(batch);
  }

  #acknowledge(batch: LineBatch): void {
    const { now } = this.#options;
    const at = now();
    record("slipway_log_lag_seconds", {}, (at.getTime() - (batch.at ?? at).getTime()) / 1_000);
    this.#record.add(batch);
  }

  /** Relieves backpressure and trims the tail after a chunk was stored. */
  #release(chunk: LineBatch): void {
    this.#unstoredChars -= chunk.text.length + 1;
    if (this.#unstoredChars <= this.#limits.unstoredChars / 2) this.#endBackpressure();
    this.#tail.trimBefore(this.#trimmableSeq + 1);
    this.#trimmableSeq = lastSeqOf(chunk);
  }

  #endBackpressure(): void {
    this.#backpressure?.resolve();
    this.#backpressure = undefined;
  }

  async #checkAttempt(): Promise<void> {
    const { store, deploymentId, attempt } = this.#options;
    const read = () => store.deployments.get(deploymentId);
    const { outageMs: limitMs } = this.#limits;
    const deployment = await retry(read, { limitMs, signal: this.#failure.signal });
    if (deployment === null) throw notFound("deployment");
    if (deployment.attempt <= attempt) return;
    throw new SlipwayError("lease-lost", `attempt ${deployment.attempt} owns the deployment now`);
  }

  #fail(error: unknown): void {
    if (!this.#failure.signal.aborted) this.#failure.abort(toSlipwayError(error));
    this.#endBackpressure();
  }
}

/** The last line of a log with masked values: it names their variables. */
function maskingNotice(variables: readonly string[]): string[] {
  if (variables.length === 0) return [];
  const named = variables.slice(0, maxNamedVariables).join(", ");
  const more =
    variables.length > maxNamedVariables ? ` and ${variables.length - maxNamedVariables} more` : "";
  const values =
    variables.length === 1
      ? "1 value of a secret variable was"
      : `${variables.length} values of secret variables were`;
  return [`       ${values} hidden in this log: ${named}${more}`];
}
