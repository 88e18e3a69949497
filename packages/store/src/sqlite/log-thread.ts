// A thread that appends large log chunks to SQLite: a commit waits for the disk, and would block the event loop in the meantime.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import type { LogChunk } from "@slipway/core";
import type { ThreadAnswer, ThreadData, ThreadOrder } from "./log-thread-main.ts";

export interface LogThreadOptions extends ThreadData {
  /** The thread ends after this time without a chunk. Default: 10 s. */
  readonly idleMs?: number;
}

const defaultIdleMs = 10_000;

interface Pending {
  readonly resolve: (stored: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Starts its thread for the first chunk, and again after it has ended. Chunks of different logs share a commit; the next chunk of a log
 * must wait for the previous one, so that a failure leaves no gap.
 */
export class LogThread implements AsyncDisposable {
  readonly #options: LogThreadOptions;
  #running: RunningThread | undefined;
  #isClosed = false;

  constructor(options: LogThreadOptions) {
    this.#options = options;
  }

  /** Whether a thread is running. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Stores a chunk, like `LogStore.append`. @throws {SlipwayError} "store-unavailable". */
  append(chunk: LogChunk): Promise<boolean> {
    if (this.#isClosed) return Promise.reject(new SlipwayError("store-unavailable", "the store is closed"));
    this.#running ??= new RunningThread(this.#options, (ended) => {
      if (this.#running === ended) this.#running = undefined;
    });
    return this.#running.append(chunk);
  }

  /** Waits for the chunks added so far, then ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#running?.end();
  }
}

class RunningThread {
  readonly #worker: Worker;
  readonly #idleMs: number;
  readonly #onEnding: (thread: RunningThread) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  /** @param onEnding called before the thread ends: it must get no further chunk. */
  constructor(
    { idleMs = defaultIdleMs, ...workerData }: LogThreadOptions,
    onEnding: (thread: RunningThread) => void,
  ) {
    this.#idleMs = idleMs;
    this.#onEnding = onEnding;
    this.#worker = new Worker(new URL("log-thread-main.ts", import.meta.url), { workerData });
    this.#worker.on("message", (answer: ThreadAnswer) => this.#settle(answer));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(undefined));
  }

  append(chunk: LogChunk): Promise<boolean> {
    clearTimeout(this.#idleTimer);
    const stored = Promise.withResolvers<boolean>();
    this.#lastId += 1;
    const id = this.#lastId;
    this.#pending.set(id, stored);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    this.#worker.postMessage({ id, chunk } satisfies ThreadOrder);
    return stored.promise;
  }

  /** Resolves when the thread has handled its chunks and ended. */
  async end(): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#onEnding(this);
    const ended = once(this.#worker, "exit");
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    this.#worker.postMessage("end" satisfies ThreadOrder);
    await ended;
  }

  #settle(answer: ThreadAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ("stored" in answer) pending?.resolve(answer.stored);
    else pending?.reject(new SlipwayError(answer.code, answer.message));
    if (this.#pending.size > 0) return;
    this.#idleTimer = setTimeout(() => {
      this.end().catch((error: unknown) => this.#fail(error));
    }, this.#idleMs).unref();
  }

  /** Chunks without an answer may have been stored; appending one again changes nothing. */
  #fail(cause: unknown): void {
    this.#onEnding(this);
    const reason = cause === undefined ? "" : `: ${toSlipwayError(cause).message}`;
    const error = new SlipwayError("store-unavailable", `the thread that stores logs ended${reason}`, {
      cause,
    });
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
