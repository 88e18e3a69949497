// A tar that one task writes while another reads it. Several writers can split the entries of one stream into several tars.

import type { ByteStream } from "@slipway/core";
import { endOfTar, joinChunks, type NewEntry, writeEntry } from "./write-entries.ts";

/**
 * `add` waits for the reader of `bytes`, so memory is bounded. Writers that are fed from one stream must therefore be read at the
 * same time. End each writer with `end` or `fail`, or its reader waits forever.
 */
export class TarWriter {
  /** The tar. It can be read once. */
  readonly bytes: ByteStream;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor() {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {
      // Empty, because each call of `add` and `end` rejects with the same error.
    });
    this.bytes = joinChunks(untilLeft(readable));
  }

  /**
   * Resolves when the reader has taken the entry. Do not call it again before that.
   * @throws {Error} when the reader has stopped reading; the errors of `writeEntry`.
   */
  async add(entry: NewEntry): Promise<void> {
    for await (const chunk of writeEntry(entry)) await this.#writer.write(chunk);
  }

  /** Completes the tar. Resolves when the reader has taken it. */
  async end(): Promise<void> {
    await this.#writer.write(endOfTar);
    await this.#writer.close();
  }

  /** Makes the reader of `bytes` fail with this error. */
  async fail(error: unknown): Promise<void> {
    await this.#writer.abort(error);
  }
}

/** A reader that leaves early makes the next write fail. */
async function* untilLeft(readable: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* readable.values({ preventCancel: true });
  } finally {
    await readable.cancel(new Error("The tar was not read to its end.")).catch(() => {
      // Empty, because a stream that has failed has nothing to cancel.
    });
  }
}
