// The content of an entry in a tar stream, with the padding after it.

import type { ByteReader } from "./byte-reader.ts";
import { damaged } from "./tar-error.ts";
import type { Translate } from "./tar-error.ts";
import { paddedSize } from "./tar-header.ts";

const end: IteratorResult<Buffer> = { done: true, value: undefined };

/** Can be read once. It is not a generator, because a generator's promises take longer than reading a small file. */
export class EntryBody implements AsyncIterableIterator<Buffer> {
  readonly #reader: ByteReader;
  readonly #translate: Translate;
  #contentBytes: number;
  #paddingBytes: number;
  #isClosed = false;

  constructor(reader: ByteReader, sizeBytes: number, translate: Translate) {
    this.#reader = reader;
    this.#translate = translate;
    this.#contentBytes = sizeBytes;
    this.#paddingBytes = paddedSize(sizeBytes) - sizeBytes;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Buffer>> {
    if (this.#isClosed || this.#contentBytes === 0) return Promise.resolve(end);
    const chunk = this.#reader.arrived(this.#contentBytes);
    if (chunk.length === 0) return this.#arriving();
    this.#contentBytes -= chunk.length;
    return Promise.resolve({ done: false, value: chunk });
  }

  return(): Promise<IteratorResult<Buffer>> {
    this.#isClosed = true;
    return Promise.resolve(end);
  }

  async #arriving(): Promise<IteratorResult<Buffer>> {
    const chunk = await this.#reader.next(this.#contentBytes);
    if (chunk.length === 0) throw this.#translate(damaged("it is truncated"));
    this.#contentBytes -= chunk.length;
    return { done: false, value: chunk };
  }

  /** Skips the rest of the content, if it has arrived. @returns whether nothing remains. */
  skipArrived(): boolean {
    if (this.#reader.arrivedWhole(this.#contentBytes + this.#paddingBytes) === null) return false;
    this.#contentBytes = 0;
    this.#paddingBytes = 0;
    return true;
  }

  /** Skips the rest of the content. @throws {TarError} "damaged" when the stream ends first, untranslated. */
  async skip(): Promise<void> {
    while (this.#contentBytes + this.#paddingBytes > 0) {
      const chunk = await this.#reader.next(this.#contentBytes + this.#paddingBytes);
      if (chunk.length === 0) throw damaged("it is truncated");
      const skippedBytes = Math.min(chunk.length, this.#contentBytes);
      this.#contentBytes -= skippedBytes;
      this.#paddingBytes -= chunk.length - skippedBytes;
    }
  }
}
