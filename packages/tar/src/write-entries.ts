// Writes tar streams: an entry, a whole tar, and the joining of their chunks.

import type { ByteStream } from "@slipway/core";
import { tooLarge } from "./tar-error.ts";
import { blockSizeBytes, encodeHeader, paddedSize, type TarHeader } from "./tar-header.ts";

export interface NewEntry extends TarHeader {
  /** A file's content, exactly `sizeBytes` long. It is read when the entry is written. */
  readonly body?: ByteStream | Uint8Array;
}

/** The two zero blocks at the end of a tar stream. */
export const endOfTar: Uint8Array = Buffer.alloc(2 * blockSizeBytes);

/**
 * Writes a whole tar. An entry is requested only after the one before it was read, so the bodies may come from one stream.
 * @param limits `maxSizeBytes` is the maximum size of all entries, with headers and padding.
 * @throws {TarError} "too-large" before the entry that exceeds the limit is written.
 * @throws {RangeError} when a body is not as long as its header says; the error of the entries or of a body, unchanged.
 */
export function writeEntries(
  entries: AsyncIterable<NewEntry> | Iterable<NewEntry>,
  { maxSizeBytes = Number.POSITIVE_INFINITY }: { readonly maxSizeBytes?: number } = {},
): AsyncGenerator<Uint8Array> {
  return joinChunks(chunksOf(entries, maxSizeBytes));
}

async function* chunksOf(
  entries: AsyncIterable<NewEntry> | Iterable<NewEntry>,
  maxSizeBytes: number,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const entry of entries) {
    const header = encodeHeader(entry);
    sizeBytes += header.length + paddedSize(entry.sizeBytes);
    if (sizeBytes > maxSizeBytes) throw tooLarge(maxSizeBytes);
    yield header;
    yield* contentOf(entry);
  }
  yield endOfTar;
}

/** Yields one entry: its header, its content and the padding. */
export async function* writeEntry(entry: NewEntry): AsyncGenerator<Uint8Array> {
  yield encodeHeader(entry);
  yield* contentOf(entry);
}

async function* contentOf({ path, sizeBytes, body }: NewEntry): AsyncGenerator<Uint8Array> {
  let missingBytes = sizeBytes;
  for await (const chunk of chunksOfBody(body)) {
    missingBytes -= chunk.length;
    if (missingBytes < 0) break;
    yield chunk;
  }
  if (missingBytes !== 0) {
    const difference = missingBytes > 0 ? "shorter" : "longer";
    throw new RangeError(`the content of ${path} is ${difference} than ${sizeBytes} bytes`);
  }
  const paddingBytes = paddedSize(sizeBytes) - sizeBytes;
  if (paddingBytes > 0) yield Buffer.alloc(paddingBytes);
}

function chunksOfBody(body: NewEntry["body"]): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (body === undefined) return [];
  return body instanceof Uint8Array ? [body] : body;
}

/** Joins small chunks up to `sizeBytes`, to reduce the overhead of sending them; larger ones are passed on unchanged. */
export async function* joinChunks(chunks: ByteStream, sizeBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    if (pendingBytes > 0 && pendingBytes + chunk.length > sizeBytes) {
      yield Buffer.concat(pending);
      pending = [];
      pendingBytes = 0;
    }
    if (chunk.length >= sizeBytes) yield chunk;
    else {
      pending.push(chunk);
      pendingBytes += chunk.length;
    }
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}
