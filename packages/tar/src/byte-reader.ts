// Reads a byte stream in pieces of a given size, or chunk by chunk.

import type { ByteStream } from "@slipway/core";

const emptyBuffer = Buffer.alloc(0);

/** Owns the stream: disposing the reader closes it. */
export class ByteReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = emptyBuffer;

  constructor(source: ByteStream) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Returns the next 1 to `maxSizeBytes` bytes without copying; an empty buffer at the end of the stream. */
  async next(maxSizeBytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return emptyBuffer;
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    const chunk = this.#rest.subarray(0, maxSizeBytes);
    this.#rest = this.#rest.subarray(chunk.length);
    return chunk;
  }

  /** Returns exactly `sizeBytes` bytes; fewer only at the end of the stream. */
  async read(sizeBytes: number): Promise<Buffer> {
    const first = await this.next(sizeBytes);
    if (first.length === sizeBytes || first.length === 0) return first;
    const chunks = [first];
    let missing = sizeBytes - first.length;
    while (missing > 0) {
      const chunk = await this.next(missing);
      if (chunk.length === 0) break;
      chunks.push(chunk);
      missing -= chunk.length;
    }
    return Buffer.concat(chunks);
  }

  /** Returns bytes to the front of the stream. */
  unread(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([bytes, this.#rest]);
  }

  /** Yields the rest of the stream. Leaving the loop early disposes the reader. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (let chunk = await this.next(); chunk.length > 0; chunk = await this.next()) yield chunk;
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }
}
