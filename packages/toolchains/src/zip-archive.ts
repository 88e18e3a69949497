// Reads a zip archive from a file. The archive may be hostile: all of its fields are checked against limits before use.

import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";

export interface ZipEntry {
  readonly path: string;
  readonly sizeBytes: number;
  readonly packedBytes: number;
  /** Whether the content is compressed. */
  readonly isDeflated: boolean;
  /** Position of the entry's header. */
  readonly offset: number;
}

/** An error in an archive. */
export class ZipError extends Error {}

/** Signatures and sizes of the end of the archive, an entry of its file list, and a file's header. */
const end = { signature: 0x06054b50, bytes: 22 };
const listed = { signature: 0x02014b50, bytes: 46 };
const local = { signature: 0x04034b50, bytes: 30 };
const maxListBytes = 32 * 1024 ** 2;
/** Maximum size of a file, whose content is read as a whole. */
const maxFileBytes = 256 * 1024 ** 2;
const maxTotalBytes = 2 * 1024 ** 3;
const maxPathBytes = 1024;
const encrypted = 1;
const unpack = promisify(inflateRaw);

/**
 * The files of the archive, without folders, in the order of their paths' bytes.
 * @throws {ZipError} for a path that leaves the archive's folder or occurs twice, encryption, zip64, a comment, and sizes beyond the limits.
 */
export async function zipEntries(file: FileHandle): Promise<readonly ZipEntry[]> {
  const { size } = await file.stat();
  if (size < end.bytes) throw new ZipError("it is shorter than the end of a zip archive");
  // An archive without a comment ends with this record.
  const last = await readAt(file, size - end.bytes, end.bytes, end.signature);
  const [count, bytes, offset] = [last.readUInt16LE(10), last.readUInt32LE(12), last.readUInt32LE(16)];
  if (bytes > maxListBytes || offset + bytes > size - end.bytes)
    throw new ZipError("the list of its files is too large, or not inside");
  const list = await readAt(file, offset, bytes);
  const entries = new Map<string, ZipEntry>();
  let position = 0;
  let totalBytes = 0;
  for (let left = count; left > 0; left -= 1) {
    const { entry, next } = entryAt(list, position);
    position = next;
    totalBytes += entry.sizeBytes;
    if (totalBytes > maxTotalBytes) throw new ZipError(`its files have more than ${maxTotalBytes} bytes`);
    if (entry.path.endsWith("/")) continue;
    checkPath(entry.path);
    if (entries.has(entry.path)) throw new ZipError(`it has ${JSON.stringify(entry.path)} twice`);
    entries.set(entry.path, entry);
  }
  return [...entries.values()].toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/** @throws {ZipError} when the content's size differs from the list's. */
export async function zipContent(file: FileHandle, entry: ZipEntry): Promise<Buffer> {
  const { offset, packedBytes, sizeBytes, isDeflated, path } = entry;
  const header = await readAt(file, offset, local.bytes, local.signature);
  const from = offset + local.bytes + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = await readAt(file, from, packedBytes);
  const content = isDeflated ? await unpacked(packed, entry) : packed;
  if (content.length === sizeBytes) return content;
  throw new ZipError(`${JSON.stringify(path)} has another size than the list says`);
}

async function unpacked(packed: Buffer, { sizeBytes, path }: ZipEntry): Promise<Buffer> {
  try {
    return await unpack(packed, { maxOutputLength: Math.max(1, sizeBytes) });
  } catch (error) {
    throw new ZipError(`${JSON.stringify(path)} cannot be unpacked`, { cause: error });
  }
}

function entryAt(list: Buffer, at: number): { readonly entry: ZipEntry; readonly next: number } {
  if (at + listed.bytes > list.length || list.readUInt32LE(at) !== listed.signature)
    throw new ZipError("the list of its files is damaged");
  const method = list.readUInt16LE(at + 10);
  const [packedBytes, sizeBytes] = [list.readUInt32LE(at + 20), list.readUInt32LE(at + 24)];
  const nameBytes = list.readUInt16LE(at + 28);
  const nameAt = at + listed.bytes;
  const next = nameAt + nameBytes + list.readUInt16LE(at + 30) + list.readUInt16LE(at + 32);
  if (next > list.length) throw new ZipError("the list of its files is damaged");
  const path = list.toString("utf8", nameAt, nameAt + nameBytes);
  const title = JSON.stringify(path.slice(0, 100));
  if (method !== 0 && method !== 8)
    throw new ZipError(`${title} has the unknown compression method ${method}`);
  if ((list.readUInt16LE(at + 8) & encrypted) !== 0) throw new ZipError(`${title} is encrypted`);
  if (Math.max(packedBytes, sizeBytes) > maxFileBytes)
    throw new ZipError(`${title} has more than ${maxFileBytes} bytes`);
  const offset = list.readUInt32LE(at + 42);
  return { entry: { path, sizeBytes, packedBytes, isDeflated: method === 8, offset }, next };
}

function checkPath(path: string): void {
  const isUsual = path.split("/").every((part) => !["", ".", ".."].includes(part));
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  if (isUsual && path.length <= maxPathBytes && !/[\\\u0000-\u001f\u007f\ufffd]/.test(path)) return;
  throw new ZipError(`${JSON.stringify(path.slice(0, 100))} is not a path of a file`);
}

async function readAt(
  file: FileHandle,
  position: number,
  bytes: number,
  signature?: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = bytes === 0 ? { bytesRead: 0 } : await file.read(buffer, 0, bytes, position);
  if (bytesRead < bytes) throw new ZipError("it ends within a file");
  if (signature !== undefined && buffer.readUInt32LE(0) !== signature)
    throw new ZipError(`byte ${position} is not what a zip archive has there`);
  return buffer;
}
