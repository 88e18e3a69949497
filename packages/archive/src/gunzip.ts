// Decompresses a source archive as a stream. For other formats, the error names the actual format.

import { type ByteStream, SlipwayError } from "@slipway/core";
import { ByteReader } from "@slipway/tar";
import { describeFormat, isGzip, sniffSizeBytes } from "./archive-format.ts";
import { beginsMember, readMember } from "./gzip-member.ts";

/** Parallel compressors write one member per block of 128 KiB or more; an empty member costs as much time as a full one. */
const defaultMaxMembers = 100_000;

/**
 * Decompresses all members, only as fast as the result is read. Other bytes after them are read and ignored, as gzip itself does.
 * @throws {SlipwayError} "archive-invalid" when the archive is not gzip, or is damaged or truncated; the archive stream's own
 * error, unchanged; the signal's reason when aborted.
 */
export async function* gunzip(
  archive: ByteStream,
  signal: AbortSignal,
  maxMembers = defaultMaxMembers,
): AsyncGenerator<Buffer> {
  const reader = new ByteReader(archive);
  try {
    const head = await reader.read(sniffSizeBytes);
    if (!isGzip(head)) {
      throw new SlipwayError(
        "archive-invalid",
        `The source must be a gzipped tar archive, but it is ${describeFormat(head)}.`,
      );
    }
    reader.unread(head);
    let members = 0;
    do {
      members += 1;
      if (members > maxMembers)
        throw new SlipwayError("archive-invalid", `The archive has more than ${maxMembers} gzip members.`);
      yield* readMember(reader, signal);
    } while (await beginsMember(reader));
    // The archive's hash needs all of its bytes. Its size is limited where it is stored or received.
    while ((await reader.next()).length > 0) signal.throwIfAborted();
  } finally {
    // Not awaited: a stalled archive would delay the abort. A failure after the end of its content has no effect.
    reader[Symbol.asyncDispose]().catch(() => undefined);
  }
}
