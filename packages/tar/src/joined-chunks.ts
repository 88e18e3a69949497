// Joins small chunks, to reduce the overhead of sending them.

/** Usage: `if (!joined.append(chunk)) yield* joined.overflow(chunk)` for each chunk, and `yield* joined.rest()` at the end. */
export class JoinedChunks {
  readonly #sizeBytes: number;
  #block: Buffer | null = null;
  #usedBytes = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  /** Copies the chunk. @returns false when it does not fit beside the ones before it. */
  append(chunk: Uint8Array): boolean {
    if (this.#usedBytes + chunk.length > this.#sizeBytes) return false;
    this.#block ??= Buffer.allocUnsafe(this.#sizeBytes);
    this.#block.set(chunk, this.#usedBytes);
    this.#usedBytes += chunk.length;
    return true;
  }

  /** Yields the chunks before this one; a chunk that is larger than a joined one is passed on unchanged. */
  *overflow(chunk: Uint8Array): Generator<Uint8Array> {
    yield* this.rest();
    if (!this.append(chunk)) yield chunk;
  }

  *rest(): Generator<Uint8Array> {
    const block = this.#block?.subarray(0, this.#usedBytes);
    this.#block = null;
    this.#usedBytes = 0;
    if (block !== undefined && block.length > 0) yield block;
  }
}
