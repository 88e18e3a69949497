// Reads a byte stream by counts: exactly so many bytes, or so many as they come.

import type { ByteStream } from "@slipway/core";

const nothing = Buffer.alloc(0);

/** Owns the stream: disposing it tells the source that no more is wanted. */
export class ByteReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = nothing;

  constructor(source: ByteStream) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next chunk of at least one and at most `maxSizeBytes` bytes, without copying; empty at the end of the stream. */
  async next(maxSizeBytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return nothing;
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    const chunk = this.#rest.subarray(0, maxSizeBytes);
    this.#rest = this.#rest.subarray(chunk.length);
    return chunk;
  }

  /** Exactly `sizeBytes` bytes; fewer only where the stream ends. */
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

  /** Puts bytes back to the front of the stream. */
  unread(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([bytes, this.#rest]);
  }

  /** What is left, chunk by chunk; ending the loop early disposes the reader. */
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
