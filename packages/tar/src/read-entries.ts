// Reads the entries of a tar stream one after the other, without holding their content in memory.

import type { ByteStream } from "@slipway/core";
import { Header, Pax } from "tar";
import { ByteReader } from "./byte-reader.ts";
import { parsePax } from "./pax-records.ts";
import { EntryBody } from "./entry-body.ts";
import { damaged, TarError, tooLarge } from "./tar-error.ts";
import type { Translate } from "./tar-error.ts";
import {
  blockSizeBytes,
  checkSizeField,
  hasValidChecksum,
  paddedSize,
  type TarHeader,
  type TarKind,
} from "./tar-header.ts";

/** The kind is "other" for devices, pipes and types that this module does not know. */
export type TarEntry = EntryOf<TarKind> | EntryOf<"other">;

/** Headers are unchecked: the mode may have setuid, setgid and sticky bits, and the mtime may be invalid. */
interface EntryOf<Kind extends TarKind | "other"> extends Omit<TarHeader, "kind"> {
  readonly kind: Kind;
  /** Type in the terms of the package `tar`: File, ContiguousFile, FIFO, Unsupported… */
  readonly type: Header["type"];
  /** Target of a link; "" for other kinds. */
  readonly target: string;
  /** Size of the content, which malformed entries of any kind may have. */
  readonly sizeBytes: number;
  /** Read it before requesting the next entry, which skips the unread rest. */
  readonly body: ByteStream;
}

export interface TarLimits {
  /** Maximum size of the tar: headers, and content with the size that its header states, before it is read. */
  readonly maxSizeBytes?: number;
  /** Maximum number of entries. */
  readonly maxEntries?: number;
}

interface ReadOptions extends TarLimits {
  /** Translates the tar's errors, including those of bodies, before they are thrown. */
  readonly translate?: Translate;
}

/** Maximum size of one extended header (long names, extended attributes). */
const maxExtensionBytes = 1024 * 1024;
/** Regular archives have two or three per entry. */
const maxExtensionsPerEntry = 8;
const kinds: Partial<Readonly<Record<Header["type"], TarKind>>> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "directory",
  SymbolicLink: "symlink",
  Link: "hardlink",
};

/**
 * Resolves long names of GNU and pax, and ignores global pax headers. Reads the stream to its end, also after the end of the tar,
 * so that a decompressor verifies its checksum. Leaving the loop early closes the stream.
 * @throws {TarError} when the tar is damaged, truncated or over a limit; the stream's own error, unchanged. The body of an entry
 * throws the same errors.
 */
export async function* readEntries(
  tar: ByteStream,
  { translate = (error) => error, ...limits }: ReadOptions,
): AsyncGenerator<TarEntry> {
  await using reader = new ByteReader(tar);
  const budget = new Budget(limits);
  try {
    let extension: Pax | undefined;
    let extensionCount = 0;
    for (let isFirst = true; ; isFirst = false) {
      const block = reader.arrivedWhole(blockSizeBytes) ?? (await reader.read(blockSizeBytes));
      if (block.length === 0) return;
      const header = decodeHeader(block, extension, isFirst);
      if (header === "end") break;
      budget.addBytes(blockSizeBytes);
      if (isExtension(header)) {
        extensionCount += 1;
        if (extensionCount > maxExtensionsPerEntry) throw damaged("too many extended headers");
        extension = await readExtension(reader, header, extension, budget);
        continue;
      }
      if (header.type === "SparseFile") throw sparseFile();
      const sizeBytes = header.size ?? 0;
      budget.addEntry();
      budget.addBytes(sizeBytes);
      const body = new EntryBody(reader, sizeBytes, translate);
      yield entryOf(header, extension, sizeBytes, body);
      if (!body.skipArrived()) await body.skip();
      extension = undefined;
      extensionCount = 0;
    }
    for await (const chunk of reader) budget.addBytes(chunk.length);
  } catch (error) {
    throw error instanceof TarError ? translate(error) : error;
  }
}

/** Counts what was read, and throws when a limit is exceeded. */
class Budget {
  readonly #limits: TarLimits;
  #sizeBytes = 0;
  #entries = 0;

  constructor(limits: TarLimits) {
    this.#limits = limits;
  }

  addBytes(sizeBytes: number): void {
    const { maxSizeBytes = Number.POSITIVE_INFINITY } = this.#limits;
    this.#sizeBytes += sizeBytes;
    if (this.#sizeBytes > maxSizeBytes) throw tooLarge(maxSizeBytes);
  }

  addEntry(): void {
    const { maxEntries = Number.POSITIVE_INFINITY } = this.#limits;
    this.#entries += 1;
    if (this.#entries > maxEntries)
      throw new TarError("too-many-entries", `The tar archive has more than ${maxEntries} entries.`);
  }
}

function decodeHeader(block: Buffer, extension: Pax | undefined, isFirst: boolean): Header | "end" {
  if (block.length < blockSizeBytes) throw isFirst ? notTar(block) : damaged("it is truncated");
  let header: Header;
  try {
    header = new Header(block, 0, extension);
  } catch (error) {
    if (isFirst && !hasValidChecksum(block)) throw notTar(block);
    checkSizeField(block);
    throw damaged("an entry's header cannot be read", error);
  }
  if (header.nullBlock) return "end";
  if (!header.cksumValid) throw isFirst ? notTar(block) : damaged("an entry's checksum is wrong");
  checkSizeField(block);
  if (!Number.isSafeInteger(header.size ?? 0)) throw damaged("an entry's size cannot be read");
  return header;
}

const extensionTypes: ReadonlySet<string> = new Set([
  "ExtendedHeader",
  "OldExtendedHeader",
  "GlobalExtendedHeader",
  "NextFileHasLongPath",
  "NextFileHasLongLinkpath",
  "OldGnuLongPath",
]);

function isExtension(header: Header): boolean {
  return extensionTypes.has(header.type);
}

async function readExtension(
  reader: ByteReader,
  header: Header,
  previous: Pax | undefined,
  budget: Budget,
): Promise<Pax | undefined> {
  const sizeBytes = header.size ?? 0;
  if (sizeBytes > maxExtensionBytes) throw damaged("an extended header is too large");
  budget.addBytes(sizeBytes);
  const body = await readPadded(reader, sizeBytes);
  if (header.type === "GlobalExtendedHeader") return previous;
  const value = body.toString("utf8");
  if (/^\d+ GNU\.sparse\./m.test(value)) throw sparseFile();
  if (header.type.endsWith("ExtendedHeader")) return parsePax(body, previous);
  const name = value.replace(/\0.*$/s, "");
  const extension = new Pax(previous ?? {});
  extension[header.type.endsWith("Linkpath") ? "linkpath" : "path"] = name;
  return extension;
}

async function readPadded(reader: ByteReader, sizeBytes: number): Promise<Buffer> {
  const paddedBytes = paddedSize(sizeBytes);
  const body = await reader.read(paddedBytes);
  if (body.length < paddedBytes) throw damaged("it is truncated");
  return body.subarray(0, sizeBytes);
}

function entryOf(header: Header, extension: Pax | undefined, sizeBytes: number, body: ByteStream): TarEntry {
  return {
    kind: kinds[header.type] ?? ("other" as const),
    type: header.type,
    path: extension?.path ?? header.path ?? "",
    target: extension?.linkpath ?? header.linkpath ?? "",
    mode: header.mode ?? 0,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    mtime: header.mtime ?? new Date(0),
    sizeBytes,
    body,
  };
}

function notTar(head: Buffer): TarError {
  return new TarError("not-a-tar", "The content is not a tar archive.", { head });
}

/** The content of such an entry is a map of the holes and the data between them, which must not be unpacked as it is. */
function sparseFile(): TarError {
  return new TarError(
    "sparse-file",
    "The tar archive contains a sparse file. Create the archive without the option --sparse (-S).",
  );
}
