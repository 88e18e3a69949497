// Reads the entries of a tar stream one after the other, without holding their content in memory.

import { type ByteStream, SlipwayError } from "@slipway/core";
import { Header, Pax } from "tar";
import { describeFormat } from "./archive-format.ts";
import type { ByteReader } from "./byte-reader.ts";

export interface TarEntry {
  /** Type of the entry in the terms of the package `tar`: File, Directory, Link, SymbolicLink, FIFO… */
  readonly type: string;
  readonly path: string;
  readonly linkpath: string;
  readonly mode: number;
  readonly mtime: Date;
  readonly sizeBytes: number;
  /** Read it before requesting the next entry, which skips what is left of it. */
  readonly body: ByteStream;
}

/** Counts unpacked bytes; throws when they exceed the limit. */
export type Budget = (sizeBytes: number) => void;

const blockSizeBytes = 512;
/** Maximum size of one extended header (long names, extended attributes). */
const maxExtensionBytes = 1024 * 1024;
/** Regular archives have two or three. */
const maxExtensionsPerEntry = 8;

/**
 * Resolves long names of GNU and pax, and ignores global pax headers. After the end of the tar it reads the stream to its end,
 * so that gunzip verifies the checksum.
 * @throws {SlipwayError} "archive-invalid" when the tar is damaged or truncated.
 */
export async function* readTar(reader: ByteReader, budget: Budget): AsyncGenerator<TarEntry> {
  let extension: Pax | undefined;
  let extensionCount = 0;
  for (let isFirst = true; ; isFirst = false) {
    const block = await reader.read(blockSizeBytes);
    if (block.length === 0) return;
    const header = decodeHeader(block, extension, isFirst);
    if (header === "end") break;
    budget(blockSizeBytes);
    if (isExtension(header)) {
      extensionCount += 1;
      if (extensionCount > maxExtensionsPerEntry) throw damaged("too many extended headers");
      extension = await readExtension(reader, header, extension, budget);
      continue;
    }
    yield* readEntry(reader, header, extension, budget);
    extension = undefined;
    extensionCount = 0;
  }
  for await (const chunk of reader) budget(chunk.length);
}

function decodeHeader(block: Buffer, extension: Pax | undefined, isFirst: boolean): Header | "end" {
  if (block.length < blockSizeBytes) throw isFirst ? notTar(block) : damaged("it is truncated");
  let header: Header;
  try {
    header = new Header(block, 0, extension);
  } catch (error) {
    throw isFirst ? notTar(block) : damaged("an entry's header cannot be read", error);
  }
  if (header.nullBlock) return "end";
  if (!header.cksumValid) throw isFirst ? notTar(block) : damaged("an entry's checksum is wrong");
  if (!Number.isSafeInteger(header.size ?? 0)) throw damaged("an entry's size cannot be read");
  return header;
}

function isExtension(header: Header): boolean {
  return /^(Old|Global)?ExtendedHeader$|LongPath$|LongLinkpath$/.test(header.type);
}

async function readExtension(
  reader: ByteReader,
  header: Header,
  previous: Pax | undefined,
  budget: Budget,
): Promise<Pax | undefined> {
  const sizeBytes = header.size ?? 0;
  if (sizeBytes > maxExtensionBytes) throw damaged("an extended header is too large");
  budget(sizeBytes);
  const body = await readPadded(reader, sizeBytes);
  if (header.type === "GlobalExtendedHeader") return previous;
  const value = body.toString("utf8");
  if (/^\d+ GNU\.sparse\./m.test(value)) throw sparseFile();
  if (header.type.endsWith("ExtendedHeader")) return Pax.parse(value, previous);
  const name = value.replace(/\0.*$/s, "");
  const extension = new Pax(previous ?? {});
  extension[header.type.endsWith("Linkpath") ? "linkpath" : "path"] = name;
  return extension;
}

async function readPadded(reader: ByteReader, sizeBytes: number): Promise<Buffer> {
  const paddedBytes = padded(sizeBytes);
  const body = await reader.read(paddedBytes);
  if (body.length < paddedBytes) throw damaged("it is truncated");
  return body.subarray(0, sizeBytes);
}

async function* readEntry(
  reader: ByteReader,
  header: Header,
  extension: Pax | undefined,
  budget: Budget,
): AsyncGenerator<TarEntry> {
  const sizeBytes = header.size ?? 0;
  budget(sizeBytes);
  const body = entryBody(reader, sizeBytes);
  yield {
    type: header.type,
    path: extension?.path ?? header.path ?? "",
    linkpath: extension?.linkpath ?? header.linkpath ?? "",
    mode: header.mode ?? 0,
    mtime: header.mtime ?? new Date(0),
    sizeBytes,
    body: body.content,
  };
  await body.skip();
}

function entryBody(
  reader: ByteReader,
  sizeBytes: number,
): { content: ByteStream; skip: () => Promise<void> } {
  let contentBytes = sizeBytes;
  let paddingBytes = padded(sizeBytes) - sizeBytes;
  async function* content(): AsyncGenerator<Buffer> {
    while (contentBytes > 0) {
      const chunk = await reader.next(contentBytes);
      if (chunk.length === 0) throw damaged("it is truncated");
      contentBytes -= chunk.length;
      yield chunk;
    }
  }
  async function skip(): Promise<void> {
    for await (const _ of content());
    const padding = await reader.read(paddingBytes);
    if (padding.length < paddingBytes) throw damaged("it is truncated");
    paddingBytes = 0;
  }
  return { content: content(), skip };
}

function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockSizeBytes) * blockSizeBytes;
}

function notTar(head: Buffer): SlipwayError {
  return new SlipwayError(
    "archive-invalid",
    `The gzip file must contain a tar archive, but its content is ${describeFormat(head)}.`,
  );
}

/** The content of such an entry is a map of the holes and the data between them, which must not be unpacked as it is. */
function sparseFile(): SlipwayError {
  return new SlipwayError(
    "archive-invalid",
    "The tar archive contains a sparse file. Create the archive without the option --sparse (-S).",
  );
}

function damaged(reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError("archive-invalid", `The tar archive is damaged: ${reason}.`, { cause });
}
