// Encodes headers and padding of tar entries, and joins small chunks of a tar stream.

import type { ByteStream } from "@slipway/core";
import { Header, Pax } from "tar";

export interface TarHeader {
  readonly type: "File" | "Directory" | "SymbolicLink" | "Link";
  readonly path: string;
  /** Target of a link. */
  readonly linkpath?: string;
  readonly mode: number;
  readonly mtime: Date;
  readonly sizeBytes: number;
  /** Id of both user and group. */
  readonly ownerId: number;
}

const blockSizeBytes = 512;
const maxTimeMs = (2 ** 31 - 1) * 1000;

/** The two zero blocks at the end of a tar stream. */
export const endOfTar = Buffer.alloc(2 * blockSizeBytes);

/** Returns the header blocks of an entry, with a pax header for long or non-ASCII names. */
export function encodeHeader({ type, path, linkpath, mode, mtime, sizeBytes, ownerId }: TarHeader): Buffer {
  const name = type === "Directory" && !path.endsWith("/") ? `${path}/` : path;
  const link = linkpath === undefined ? {} : { linkpath };
  const time = new Date(Math.min(Math.max(mtime.getTime() || 0, 0), maxTimeMs));
  const header = new Header({
    type,
    path: name,
    ...link,
    mode,
    mtime: time,
    size: sizeBytes,
    uid: ownerId,
    gid: ownerId,
  });
  const block = Buffer.alloc(blockSizeBytes);
  const needsPax = header.encode(block);
  return needsPax ? Buffer.concat([new Pax({ path: name, ...link, mtime: time }).encode(), block]) : block;
}

/** Returns the zeros that fill an entry's last block. */
export function padding(sizeBytes: number): Buffer {
  return Buffer.alloc(-sizeBytes & (blockSizeBytes - 1));
}

/** Joins small chunks up to `sizeBytes`, to reduce the overhead of sending them; larger ones are passed on unchanged. */
export async function* joinChunks(chunks: ByteStream, sizeBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    if (pendingBytes > 0 && pendingBytes + chunk.length > sizeBytes) {
      yield Buffer.concat(pending);
      pending = [];
      pendingBytes = 0;
    }
    if (chunk.length >= sizeBytes) yield chunk;
    else {
      pending.push(chunk);
      pendingBytes += chunk.length;
    }
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}
