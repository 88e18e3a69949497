// Reads the output of a task on any node: follows it live, and reads it to its end on request.

import type { IncomingMessage } from "node:http";
import type { StartOptions } from "@slipway/core";
import { callEngine, createDeframer, openResponse, requestStream } from "@slipway/docker";
import type Docker from "dockerode";
import { createLineCutter } from "../line-cutter.ts";

/** Output of one task. Call `end` at most once, and always dispose. */
export class TaskOutput implements Disposable {
  readonly #docker: Docker;
  readonly #taskId: string;
  readonly #onOutput: StartOptions["onOutput"];
  readonly #over = new AbortController();
  readonly #following: Promise<void>;
  #stream: IncomingMessage | null = null;
  #passedBytes = 0;

  constructor(docker: Docker, taskId: string, onOutput: StartOptions["onOutput"]) {
    this.#docker = docker;
    this.#taskId = taskId;
    this.#onOutput = onOutput;
    this.#following = this.#follow();
    // The caller awaits it later; an earlier rejection must not count as unhandled.
    this.#following.catch(() => undefined);
  }

  /** Rejects with an error of `onOutput`. */
  get failure(): Promise<never> {
    return this.#following.then(() => new Promise<never>(() => undefined));
  }

  /**
   * Forwards all output up to now. The engine does not report when a followed log has reached its end, so the log is read again
   * from the beginning, without the part that was already forwarded.
   */
  async end(): Promise<void> {
    this[Symbol.dispose]();
    await this.#following;
    const log = await this.#readAll();
    const rest = log.subarray(this.#passedBytes);
    if (rest.length > 0) await this.#onOutput(rest);
  }

  [Symbol.dispose](): void {
    this.#over.abort();
    this.#stream?.destroy();
  }

  /** Forwards whole lines, so that a line contains the output of only one instance. */
  async #follow(): Promise<void> {
    const cutter = createLineCutter();
    for await (const bytes of this.#live()) {
      const lines = cutter.push(bytes);
      this.#passedBytes += lines.length;
      if (lines.length > 0) await this.#onOutput(lines);
      if (this.#over.signal.aborted) return;
    }
  }

  /** Ends when either side closes the connection. */
  async *#live(): AsyncGenerator<Uint8Array> {
    const deframe = createDeframer();
    try {
      this.#stream = await openLog(this.#docker, this.#taskId, { follow: true });
      if (this.#over.signal.aborted) this.#stream.destroy();
      for await (const chunk of this.#stream as AsyncIterable<Uint8Array>) yield deframe(chunk);
    } catch {
      // No output is lost: `end` reads the rest, or fails for the same reason.
    }
  }

  async #readAll(): Promise<Buffer> {
    return await callEngine("read a task's log", async (signal) => {
      const deframe = createDeframer();
      const stream = await openLog(this.#docker, this.#taskId, { follow: false });
      signal.addEventListener("abort", () => stream.destroy(), { once: true });
      const pieces: Uint8Array[] = [];
      for await (const chunk of stream as AsyncIterable<Uint8Array>) pieces.push(deframe(chunk));
      return Buffer.concat(pieces);
    });
  }
}

/** dockerode's own `logs` parses a response without `follow` as JSON. */
function openLog(
  docker: Docker,
  taskId: string,
  { follow }: { readonly follow: boolean },
): Promise<IncomingMessage> {
  const query = { stdout: true, stderr: true, follow };
  const open = () => openResponse(docker, { method: "GET", path: `/tasks/${taskId}/logs`, query });
  return requestStream("open a task's log", open);
}
