// Decompresses a source archive as it is read, and refuses what is no gzip with a word on what it is instead.

import { Readable, addAbortSignal, pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { type ByteStream, SlipwayError } from "@slipway/core";
import { describeFormat, isGzip, sniffSizeBytes } from "./archive-format.ts";
import { ByteReader } from "./byte-reader.ts";

const chunkSizeBytes = 64 * 1024;

/**
 * Decompresses as the result is read, not ahead of it. Bytes after the gzip data are ignored.
 * @throws {SlipwayError} "archive-invalid" when it is no gzip, damaged or cut off; the archive stream's own error as it is.
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
  // A stream that is made for a signal that is aborted already fails before anybody listens to it.
  if (signal.aborted) {
    await reader[Symbol.asyncDispose]();
    throw signal.reason;
  }
  reader.unread(head);
  const unzip = addAbortSignal(signal, createGunzip({ chunkSize: chunkSizeBytes }));
  pipeline(Readable.from(reader, { objectMode: false }), unzip, () => {
    // Nothing to do: pipeline destroys `unzip` with the error, so that the loop below throws it.
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
