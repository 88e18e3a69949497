// Reads one member of a gzip file (RFC 1952) from a stream, and leaves what follows it unread.
//
// Node's own reader treats the bytes after a member as another member, and discards data that it has read if they are not one.

import { addAbortSignal, finished } from "node:stream";
import { once } from "node:events";
import { crc32, createInflateRaw } from "node:zlib";
import type { InflateRaw } from "node:zlib";
import { SlipwayError } from "@slipway/core";
import type { ByteReader } from "@slipway/tar";

const magic = [0x1f, 0x8b] as const;
const headerBytes = 10;
const trailerBytes = 8;
const deflate = 8;
const flag = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;
/** Maximum length of a name or a comment. */
const maxTextBytes = 64 * 1024;
/** Small, because chunks occupy memory after use until the next garbage collection. */
const chunkSizeBytes = 32 * 1024;

/** Whether a member follows. Consumes nothing. */
export async function beginsMember(reader: ByteReader): Promise<boolean> {
  const head = await reader.read(magic.length);
  reader.unread(head);
  return head[0] === magic[0] && head[1] === magic[1];
}

/**
 * Decompresses the member at the reader's position, only as fast as the result is read.
 * @throws {SlipwayError} "archive-invalid" when it is damaged or truncated; the reader's own error, unchanged; the signal's reason.
 */
export async function* readMember(reader: ByteReader, signal: AbortSignal): AsyncGenerator<Buffer> {
  await skipHeader(reader);
  let checksum = 0;
  let sizeBytes = 0;
  for await (const chunk of inflated(reader, signal)) {
    checksum = crc32(chunk, checksum);
    sizeBytes += chunk.length;
    yield chunk;
  }
  const trailer = await exactly(reader, trailerBytes);
  const isIntact = trailer.readUInt32LE(0) === checksum && trailer.readUInt32LE(4) === sizeBytes % 2 ** 32;
  if (!isIntact) throw damaged();
}

async function skipHeader(reader: ByteReader): Promise<void> {
  const header = await exactly(reader, headerBytes);
  const flags = header[3] ?? 0;
  if (header[2] !== deflate || (flags & flag.reserved) !== 0) throw damaged();
  if ((flags & flag.extra) !== 0) await exactly(reader, (await exactly(reader, 2)).readUInt16LE(0));
  for (const text of [flag.name, flag.comment]) if ((flags & text) !== 0) await skipText(reader);
  if ((flags & flag.headerChecksum) !== 0) await exactly(reader, 2);
}

/** Reads a text up to and including its terminating zero. */
async function skipText(reader: ByteReader): Promise<void> {
  for (let read = 0; read < maxTextBytes; read += 1) {
    if ((await exactly(reader, 1))[0] === 0) return;
  }
  throw damaged();
}

async function* inflated(reader: ByteReader, signal: AbortSignal): AsyncGenerator<Buffer> {
  // A stream that is created with an aborted signal fails before it has a listener for errors.
  signal.throwIfAborted();
  const inflate = addAbortSignal(signal, createInflateRaw({ chunkSize: chunkSizeBytes }));
  const feeding = feed(reader, inflate);
  // The error is handled below, after the data decompressed before the failure has been read.
  feeding.catch((error: unknown) => inflate.destroy(error as Error));
  try {
    for await (const chunk of inflate) yield chunk as Buffer;
  } catch (error) {
    signal.throwIfAborted();
    throw isOfZlib(error) ? damaged(error) : error;
  } finally {
    inflate.destroy();
  }
  await feeding;
}

/** Writes chunks until the compressed data ends. Returns the unused bytes to the reader. */
async function feed(reader: ByteReader, inflate: InflateRaw): Promise<void> {
  const ended = new AbortController();
  const isOver = () => ended.signal.aborted;
  finished(inflate, { writable: false }, () => ended.abort());
  let written = 0;
  let pending: { chunk: Buffer; endsAt: number }[] = [];
  while (!isOver()) {
    const chunk = await reader.next();
    if (chunk.length === 0) {
      inflate.end();
      break;
    }
    written += chunk.length;
    pending = [...pending.filter(({ endsAt }) => endsAt > inflate.bytesWritten), { chunk, endsAt: written }];
    if (isOver() || inflate.write(chunk)) continue;
    await once(inflate, "drain", { signal: ended.signal }).catch((error: unknown) => {
      if (!isOver()) throw error;
    });
  }
  if (!isOver()) await once(ended.signal, "abort");
  const rest = Buffer.concat(pending.map(({ chunk }) => chunk));
  reader.unread(rest.subarray(rest.length - (written - inflate.bytesWritten)));
}

async function exactly(reader: ByteReader, sizeBytes: number): Promise<Buffer> {
  const bytes = await reader.read(sizeBytes);
  if (bytes.length < sizeBytes) throw damaged();
  return bytes;
}

function isOfZlib(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
}

function damaged(cause?: unknown): SlipwayError {
  return new SlipwayError("archive-invalid", "The archive is damaged or incomplete.", { cause });
}
