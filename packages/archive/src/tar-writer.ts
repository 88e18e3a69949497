// Writes tar entries: headers as bytes, bodies passed through, small pieces joined into chunks worth sending.

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
  /** User and group. */
  readonly ownerId: number;
}

const blockSizeBytes = 512;
const maxTimeMs = (2 ** 31 - 1) * 1000;

/** What ends a tar stream. */
export const endMark = Buffer.alloc(2 * blockSizeBytes);

/** The header blocks of an entry; long or non-ASCII names go to a pax header before it. */
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

/** The zeros that fill an entry's last block. */
export function padding(sizeBytes: number): Buffer {
  return Buffer.alloc(-sizeBytes & (blockSizeBytes - 1));
}

/** Joins small chunks up to `sizeBytes`, as each one sent costs; larger ones pass untouched. */
export async function* joined(chunks: ByteStream, sizeBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
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
