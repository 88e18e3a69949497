// Reads a byte stream in pieces of a given size, or chunk by chunk. A piece that has arrived is read without a promise, because
// promises for all pieces would take most of the time of reading a tar of many small files.

import type { ByteStream } from "@slipway/core";

const emptyBuffer = Buffer.alloc(0);

/** Owns the stream: disposing the reader closes it. */
export class ByteReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = emptyBuffer;
  /** Index of the chunk's first unread byte. */
  #start = 0;

  constructor(source: ByteStream) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Returns 1 to `maxSizeBytes` bytes that have arrived, without copying; an empty buffer when there are none. */
  arrived(maxSizeBytes: number): Buffer {
    const start = this.#start;
    this.#start = Math.min(start + maxSizeBytes, this.#chunk.length);
    return this.#chunk.subarray(start, this.#start);
  }

  /** Returns exactly `sizeBytes` bytes, without copying; null when not all of them have arrived in one chunk. */
  arrivedWhole(sizeBytes: number): Buffer | null {
    return this.#chunk.length - this.#start < sizeBytes ? null : this.arrived(sizeBytes);
  }

  /** Returns the next 1 to `maxSizeBytes` bytes without copying; an empty buffer at the end of the stream. */
  async next(maxSizeBytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
    while (this.#start === this.#chunk.length) {
      const { done, value } = await this.#source.next();
      if (done) return emptyBuffer;
      this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      this.#start = 0;
    }
    return this.arrived(maxSizeBytes);
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
    const rest = this.#chunk.subarray(this.#start);
    this.#chunk = rest.length === 0 ? bytes : Buffer.concat([bytes, rest]);
    this.#start = 0;
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
