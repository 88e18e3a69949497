// Reads the files of a wheel, which is a zip archive with the sizes and checksums of its files at its end.

import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { unavailable } from "./failures.ts";
import type { PackageFile } from "./package-entries.ts";

/** The end of the archive: the number of its files, and where their list is. */
const end = { signature: 0x06054b50, bytes: 22 };
const listed = { signature: 0x02014b50, bytes: 46 };
const local = { signature: 0x04034b50, bytes: 30 };
const maxFileBytes = 512 * 1024 ** 2;
const unpack = promisify(inflateRaw);

/**
 * @param wheel a checked archive: only its form is untrusted. @param title names the package in errors.
 * @throws {SlipwayError} "toolchain-unavailable" when the wheel is no zip archive, or uses what wheels do not: encryption, zip64.
 */
export async function* wheelFiles(wheel: Buffer, title: string): AsyncGenerator<PackageFile> {
  try {
    for (const entry of entriesOf(wheel)) {
      if (entry.path.endsWith("/")) continue;
      const content = await contentOf(wheel, entry);
      async function* body(): AsyncGenerator<Uint8Array> {
        yield content;
      }
      yield { path: entry.path, isExecutable: entry.isExecutable, sizeBytes: content.length, body: body() };
    }
  } catch (error) {
    // Reading beyond the archive, and damaged data.
    if (error instanceof RangeError || (error instanceof Error && "errno" in error))
      throw unavailable(`The wheel of ${title} cannot be unpacked: ${error.message}`, error);
    throw error;
  }
}

/** Joins a download. @throws {SlipwayError} "toolchain-unavailable" when it does not have the sha256. */
export async function checkedBytes(
  download: AsyncIterable<Uint8Array>,
  { sha256, title }: { readonly sha256: string; readonly title: string },
): Promise<Buffer> {
  const bytes = Buffer.concat(await Array.fromAsync(download));
  if (createHash("sha256").update(bytes).digest("hex") === sha256) return bytes;
  throw unavailable(`${title} does not match its checksum (sha256) in the index.`);
}

interface WheelEntry {
  readonly path: string;
  readonly isExecutable: boolean;
  readonly isDeflated: boolean;
  readonly packedBytes: number;
  readonly offset: number;
}

function entriesOf(wheel: Buffer): readonly WheelEntry[] {
  // A wheel has no comment, so its end is at the end.
  const at = wheel.length - end.bytes;
  expectSignature(wheel, at, end.signature);
  const entries: WheelEntry[] = [];
  let position = wheel.readUInt32LE(at + 16);
  for (let left = wheel.readUInt16LE(at + 10); left > 0; left -= 1) {
    expectSignature(wheel, position, listed.signature);
    const nameBytes = wheel.readUInt16LE(position + 28);
    const method = wheel.readUInt16LE(position + 10);
    if (method !== 0 && method !== 8) throw new RangeError(`compression method ${method} is unknown`);
    const nameAt = position + listed.bytes;
    entries.push({
      path: wheel.toString("utf8", nameAt, nameAt + nameBytes),
      // The upper half has the mode of a Unix file.
      isExecutable: ((wheel.readUInt32LE(position + 38) >>> 16) & 0o111) !== 0,
      isDeflated: method === 8,
      packedBytes: wheel.readUInt32LE(position + 20),
      offset: wheel.readUInt32LE(position + 42),
    });
    position = nameAt + nameBytes + wheel.readUInt16LE(position + 30) + wheel.readUInt16LE(position + 32);
  }
  return entries;
}

async function contentOf(wheel: Buffer, { offset, packedBytes, isDeflated }: WheelEntry): Promise<Buffer> {
  expectSignature(wheel, offset, local.signature);
  const from = offset + local.bytes + wheel.readUInt16LE(offset + 26) + wheel.readUInt16LE(offset + 28);
  if (from + packedBytes > wheel.length) throw new RangeError("it ends within a file");
  const packed = wheel.subarray(from, from + packedBytes);
  return isDeflated ? await unpack(packed, { maxOutputLength: maxFileBytes }) : packed;
}

function expectSignature(wheel: Buffer, at: number, signature: number): void {
  if (wheel.readUInt32LE(at) !== signature)
    throw new RangeError(`byte ${at} is not what a zip archive has there`);
}
