// Writes tar streams.

import type { ByteStream } from "@slipway/core";
import { JoinedChunks } from "./joined-chunks.ts";
import { tooLarge } from "./tar-error.ts";
import { blockSizeBytes, encodeHeader, paddedSize, type TarHeader } from "./tar-header.ts";

export interface NewEntry extends TarHeader {
  /** A file's content, exactly `sizeBytes` long. It is read when the entry is written. */
  readonly body?: ByteStream | Uint8Array;
}

/** The two zero blocks at the end of a tar stream. */
export const endOfTar: Uint8Array = Buffer.alloc(2 * blockSizeBytes);
const zeros = Buffer.alloc(blockSizeBytes);
const chunkSizeBytes = 64 * 1024;

/**
 * Writes a whole tar. An entry is requested only after the previous one was read, so the bodies may come from one stream.
 * @param limits `maxSizeBytes` is the maximum size of all entries, with headers and padding.
 * @throws {TarError} "too-large" before the entry that exceeds the limit is written.
 * @throws {RangeError} when a body's length differs from its header; the error of the entries or of a body, unchanged.
 */
export async function* writeEntries(
  entries: AsyncIterable<NewEntry> | Iterable<NewEntry>,
  { maxSizeBytes = Number.POSITIVE_INFINITY }: { readonly maxSizeBytes?: number } = {},
): AsyncGenerator<Uint8Array> {
  const joined = new JoinedChunks(chunkSizeBytes);
  let sizeBytes = 0;
  for await (const entry of entries) {
    const header = encodeHeader(entry);
    sizeBytes += header.length + paddedSize(entry.sizeBytes);
    if (sizeBytes > maxSizeBytes) throw tooLarge(maxSizeBytes);
    if (!joined.append(header)) yield* joined.overflow(header);
    let missingBytes = entry.sizeBytes;
    for await (const chunk of chunksOfBody(entry.body)) {
      missingBytes -= chunk.length;
      if (missingBytes < 0) break;
      if (!joined.append(chunk)) yield* joined.overflow(chunk);
    }
    checkLength(entry, missingBytes);
    const padding = zeros.subarray(0, paddedSize(entry.sizeBytes) - entry.sizeBytes);
    if (!joined.append(padding)) yield* joined.overflow(padding);
  }
  if (!joined.append(endOfTar)) yield* joined.overflow(endOfTar);
  yield* joined.rest();
}

function chunksOfBody(body: NewEntry["body"]): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (body === undefined) return [];
  return body instanceof Uint8Array ? [body] : body;
}

function checkLength({ path, sizeBytes }: NewEntry, missingBytes: number): void {
  if (missingBytes === 0) return;
  const difference = missingBytes > 0 ? "shorter" : "longer";
  throw new RangeError(`the content of ${path} is ${difference} than ${sizeBytes} bytes`);
}
