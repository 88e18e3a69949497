// Reads the entries of a tar stream one after the other, each pulled by the reader: no entry is held in memory.

import { type ByteStream, SlipwayError } from "@slipway/core";
import { Header, Pax } from "tar";
import { describeFormat } from "./archive-format.ts";
import type { ByteReader } from "./byte-reader.ts";

export interface TarEntry {
  /** The sort of entry as the `tar` package names it: File, Directory, Link, SymbolicLink, FIFO… */
  readonly type: string;
  readonly path: string;
  readonly linkpath: string;
  readonly mode: number;
  readonly mtime: Date;
  readonly sizeBytes: number;
  /** To be read before the next entry is asked for; what is left of it then is skipped. */
  readonly body: ByteStream;
}

/** Counts bytes that the archive unpacks to; throws when they are too many. */
export type Budget = (sizeBytes: number) => void;

const blockSizeBytes = 512;
/** For the extended headers (long names, extended attributes) of one entry, each. */
const maxExtensionBytes = 1024 * 1024;
/** A real archive has two or three before an entry. */
const maxExtensionsPerEntry = 8;

/**
 * Long names of GNU and pax are resolved; archive-wide pax headers are ignored. Ends after the end mark, having read the
 * stream to its end, so that its checksum is verified.
 * @throws {SlipwayError} "archive-invalid" where the tar is damaged or cut off.
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
  if (block.length < blockSizeBytes) throw isFirst ? notTar(block) : damaged("it is cut off");
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
  before: Pax | undefined,
  budget: Budget,
): Promise<Pax | undefined> {
  const sizeBytes = header.size ?? 0;
  if (sizeBytes > maxExtensionBytes) throw damaged("an extended header is too large");
  budget(sizeBytes);
  const body = await readPadded(reader, sizeBytes);
  if (header.type === "GlobalExtendedHeader") return before;
  const value = body.toString("utf8");
  if (/^\d+ GNU\.sparse\./m.test(value)) throw sparse();
  if (header.type.endsWith("ExtendedHeader")) return Pax.parse(value, before);
  const name = value.replace(/\0.*$/s, "");
  const extension = new Pax(before ?? {});
  extension[header.type.endsWith("Linkpath") ? "linkpath" : "path"] = name;
  return extension;
}

async function readPadded(reader: ByteReader, sizeBytes: number): Promise<Buffer> {
  const paddedBytes = padded(sizeBytes);
  const body = await reader.read(paddedBytes);
  if (body.length < paddedBytes) throw damaged("it is cut off");
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
      if (chunk.length === 0) throw damaged("it is cut off");
      contentBytes -= chunk.length;
      yield chunk;
    }
  }
  async function skip(): Promise<void> {
    for await (const _ of content());
    const padding = await reader.read(paddingBytes);
    if (padding.length < paddingBytes) throw damaged("it is cut off");
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
    `The gzip file must hold a tar archive, but what it holds is ${describeFormat(head)}.`,
  );
}

/** What such an entry holds is a map and what lies between the holes: as a file it would be another one. */
function sparse(): SlipwayError {
  return new SlipwayError(
    "archive-invalid",
    "The tar archive holds a sparse file: make it without the option --sparse (-S).",
  );
}

function damaged(what: string, cause?: unknown): SlipwayError {
  return new SlipwayError("archive-invalid", `The tar archive is damaged: ${what}.`, { cause });
}
