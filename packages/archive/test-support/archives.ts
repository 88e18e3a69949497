// Creates valid and hostile archives, and reads the results with the parser of the package `tar`.

import { gzipSync } from "node:zlib";
import type { ByteStream } from "@slipway/core";
import { Header, Parser, Pax, type ReadEntry } from "tar";

export interface TestEntry {
  readonly path: string;
  /** A tar typeflag. */
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly linkpath?: string;
  readonly mode?: number;
  readonly mtime?: Date;
  /** Size in the header, if it differs from the content's. */
  readonly sizeBytes?: number;
  /** Written as a pax header before the entry. */
  readonly pax?: { readonly path?: string; readonly linkpath?: string; readonly size?: number };
}

export interface UnpackedEntry {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly mtime: Date;
  readonly linkname: string;
  readonly content: string;
}

/** Returns header and content blocks of one entry, valid or not. */
export function tarEntry({
  path,
  type = "0",
  content = "",
  linkpath,
  mode = 0o644,
  mtime,
  ...rest
}: TestEntry): Buffer {
  const body = Buffer.from(content);
  const header = new Header({
    path,
    ...(linkpath === undefined ? {} : { linkpath }),
    mode,
    mtime: mtime ?? new Date("2024-05-06T07:08:09Z"),
    size: rest.sizeBytes ?? body.length,
    uid: 501,
    gid: 20,
  });
  const block = Buffer.alloc(512);
  header.encode(block);
  block.write(type, 156, 1, "latin1");
  writeChecksum(block);
  const pax = rest.pax ? new Pax(rest.pax).encode() : Buffer.alloc(0);
  return Buffer.concat([pax, block, body, Buffer.alloc(-body.length & 511)]);
}

export function tarOf(entries: readonly TestEntry[]): Buffer {
  return Buffer.concat([...entries.map(tarEntry), Buffer.alloc(1024)]);
}

export function archiveOf(entries: readonly TestEntry[]): ByteStream {
  return streamOf(gzipSync(tarOf(entries)));
}

/** Streams the bytes in chunks of this size. */
export async function* streamOf(bytes: Uint8Array, chunkBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += chunkBytes)
    yield bytes.subarray(start, start + chunkBytes);
}

/** Reads all entries of a tar stream. */
export async function unpack(tar: ByteStream): Promise<UnpackedEntry[]> {
  const entries: Promise<UnpackedEntry>[] = [];
  const ended = Promise.withResolvers<void>();
  const parser = new Parser({ strict: true, onReadEntry: (entry) => void entries.push(unpacked(entry)) });
  parser.on("end", ended.resolve);
  parser.on("error", ended.reject);
  for await (const chunk of tar) parser.write(Buffer.from(chunk));
  parser.end();
  await ended.promise;
  return Promise.all(entries);
}

async function unpacked(entry: ReadEntry): Promise<UnpackedEntry> {
  const content = await entry.concat();
  return {
    name: entry.path,
    type: entry.type,
    mode: entry.mode ?? 0,
    uid: entry.uid ?? -1,
    mtime: entry.mtime ?? new Date(0),
    linkname: entry.linkpath ?? "",
    content: content.toString(),
  };
}

function writeChecksum(block: Buffer): void {
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
}
