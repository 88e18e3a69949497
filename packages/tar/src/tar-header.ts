// The header of an entry, and its encoding: the same header always gives the same bytes.

import { Header, Pax } from "tar";

export type TarKind = "file" | "directory" | "symlink" | "hardlink";

export interface TarHeader {
  readonly kind: TarKind;
  /** A directory's may end with a slash. */
  readonly path: string;
  /** Target of a link; a hard link's is the path of an earlier file. Absent or empty for other kinds. */
  readonly target?: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Written in whole seconds. A time before 1970 becomes 1970, one after January 2038 becomes that. */
  readonly mtime: Date;
  /** Size of a file's content; 0 for other kinds. */
  readonly sizeBytes: number;
}

export const blockSizeBytes = 512;
const maxTimeMs = (2 ** 31 - 1) * 1000;
/** The largest size that the header's field can state; pax states larger ones. */
const maxFieldSizeBytes = 0o77777777777;
const types: Readonly<Record<TarKind, Header["type"]>> = {
  file: "File",
  directory: "Directory",
  symlink: "SymbolicLink",
  hardlink: "Link",
};

/** Returns the header blocks of an entry. A pax header states what the fixed fields cannot: long or non-ASCII names, large sizes. */
export function encodeHeader({ kind, path, target, mode, uid, gid, mtime, sizeBytes }: TarHeader): Buffer {
  const name = kind === "directory" && !path.endsWith("/") ? `${path}/` : path;
  const link = target ? { linkpath: target } : {};
  const time = new Date(Math.min(Math.max(mtime.getTime() || 0, 0), maxTimeMs));
  const type = types[kind];
  const header = new Header({ type, path: name, ...link, mode, mtime: time, size: sizeBytes, uid, gid });
  const block = Buffer.alloc(blockSizeBytes);
  const needsPax = header.encode(block);
  if (!needsPax) return block;
  const size = sizeBytes > maxFieldSizeBytes ? { size: sizeBytes } : {};
  return Buffer.concat([new Pax({ path: name, ...link, mtime: time, ...size }).encode(), block]);
}

/** Size of content with the zeros that fill its last block. */
export function paddedSize(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockSizeBytes) * blockSizeBytes;
}
