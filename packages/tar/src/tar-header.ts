// The header of an entry, and its encoding: the same header always gives the same bytes.

import { Header, Pax } from "tar";
import { damaged } from "./tar-error.ts";

export type TarKind = "file" | "directory" | "symlink" | "hardlink";

export interface TarHeader {
  readonly kind: TarKind;
  /** A directory's path may end with a slash. */
  readonly path: string;
  /** Target of a link; a hard link's is the path of an earlier file. Absent or empty for other kinds. */
  readonly target?: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Written in whole seconds. Times before 1970 or after January 2038 are clamped to these limits. */
  readonly mtime: Date;
  /** Size of a file's content; 0 for other kinds. */
  readonly sizeBytes: number;
}

export const blockSizeBytes = 512;
/** Positions in a header block. */
const checksumField = { start: 148, end: 156 } as const;
const sizeField = { start: 124, end: 136 } as const;
const minusSign = 0x2d;
const maxTimeMs = (2 ** 31 - 1) * 1000;
/** Maximum name length in the header's two fields, including the slash between them; longer names are in a pax header. */
const maxFieldNameBytes = 155 + 1 + 100;
/** Number of characters of a longer name in the header, for readers that skip pax headers. */
const shortNameChars = 99;
/** Maximum size in the header's field; larger sizes are in a pax header. */
const maxFieldSizeBytes = 0o77777777777;
const types: Readonly<Record<TarKind, Header["type"]>> = {
  file: "File",
  directory: "Directory",
  symlink: "SymbolicLink",
  hardlink: "Link",
};

/** Returns the header blocks of an entry. A pax header contains what the fixed fields cannot: long or non-ASCII names, large sizes. */
export function encodeHeader({ kind, path, target, mode, uid, gid, mtime, sizeBytes }: TarHeader): Buffer {
  const name = kind === "directory" && !path.endsWith("/") ? `${path}/` : path;
  const link = target ? { linkpath: target } : {};
  const time = new Date(Math.min(Math.max(mtime.getTime() || 0, 0), maxTimeMs));
  const type = types[kind];
  // The package `tar` tries every split of a name between the fields, which takes longest when none fits.
  const isLong = Buffer.byteLength(name) > maxFieldNameBytes;
  const fieldName = isLong ? name.slice(0, shortNameChars) : name;
  const header = new Header({ type, path: fieldName, ...link, mode, mtime: time, size: sizeBytes, uid, gid });
  const block = Buffer.alloc(blockSizeBytes);
  const needsPax = header.encode(block) || isLong;
  if (!needsPax) return block;
  const size = sizeBytes > maxFieldSizeBytes ? { size: sizeBytes } : {};
  return Buffer.concat([new Pax({ path: name, ...link, mtime: time, ...size }).encode(), block]);
}

/**
 * Checks the size of a header block, which the package `tar` reads as 0 when it is negative or not a number.
 * @throws {TarError} "damaged"
 */
export function checkSizeField(block: Buffer): void {
  const field = block.subarray(sizeField.start, sizeField.end);
  const [first = 0] = field;
  // The first bit indicates that the number is in base 256; the second one is its sign.
  const isNegative = (first & 0xc0) === 0xc0 || first === minusSign;
  if (isNegative) throw damaged("an entry's header states a negative size");
  const [digits = ""] = field.toString("latin1").split("\0");
  if (first < 0x80 && !/^ *[0-7]* *$/.test(digits)) throw damaged("an entry's size cannot be read");
}

/** Whether a block is a header. For blocks that the package `tar` cannot parse. */
export function hasValidChecksum(block: Buffer): boolean {
  const { start, end } = checksumField;
  const sum = block.reduce((total, byte, index) => total + (index < start || index >= end ? byte : 0x20), 0);
  return Number.parseInt(block.toString("latin1", start, end), 8) === sum;
}

/** Size of content with the zeros that fill its last block. */
export function paddedSize(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockSizeBytes) * blockSizeBytes;
}
