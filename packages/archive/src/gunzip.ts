// Decompresses a source archive as a stream. For other formats, the error says what the file is instead.

import { Readable, addAbortSignal, pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { type ByteStream, SlipwayError } from "@slipway/core";
import { ByteReader } from "@slipway/tar";
import { describeFormat, isGzip, sniffSizeBytes } from "./archive-format.ts";

/** Small, because chunks that were read take up memory until the next collection. */
const chunkSizeBytes = 32 * 1024;

/**
 * Decompresses only as fast as the result is read. Zeros after the gzip data are ignored, as in blocks of a tape; other bytes are not.
 * @throws {SlipwayError} "archive-invalid" when the archive is not gzip, or is damaged or truncated; the archive stream's own
 * error, unchanged; the signal's reason when aborted.
 */
export async function* gunzip(archive: ByteStream, signal: AbortSignal): AsyncGenerator<Buffer> {
  const reader = new ByteReader(archive);
  const head = await reader.read(sniffSizeBytes);
  if (!isGzip(head)) {
    await reader[Symbol.asyncDispose]();
    throw new SlipwayError(
      "archive-invalid",
      `The source must be a gzipped tar archive, but it is ${describeFormat(head)}.`,
    );
  }
  // A stream created with an aborted signal fails before it has a listener for errors.
  if (signal.aborted) {
    await reader[Symbol.asyncDispose]();
    throw signal.reason;
  }
  reader.unread(head);
  const unzip = addAbortSignal(signal, createGunzip({ chunkSize: chunkSizeBytes }));
  pipeline(Readable.from(reader, { objectMode: false }), unzip, () => {
    // Empty, because pipeline destroys `unzip` with the error, and the loop below throws it.
  });
  try {
    for await (const chunk of unzip) yield chunk as Buffer;
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error);
  }
}

function explain(error: unknown): unknown {
  if (!(error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))) return error;
  return new SlipwayError("archive-invalid", "The archive is damaged or incomplete.", { cause: error });
}
