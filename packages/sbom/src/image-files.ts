// Reads chosen files of an image from its layers, as they are in the container: upper layers replace and remove files of lower ones.

import { pipeline, Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { ByteStream } from "@slipway/core";
import { ByteReader, readEntries, TarError } from "@slipway/tar";
import type { TarEntry } from "@slipway/tar";

/** What a layer does to the chosen files. */
export interface LayerFiles {
  /** Content by path; null for something other than a file, which replaces one. */
  readonly files: ReadonlyMap<string, Buffer | null>;
  /** Paths that it removes, with all that is below them. */
  readonly removed: readonly string[];
  /** Folders whose content of lower layers it removes. */
  readonly emptied: readonly string[];
}

export interface LayerLimits {
  /** Maximum size of the layer's tar. */
  readonly maxUnpackedBytes: number;
  /** Maximum size of all chosen files of the layer. */
  readonly maxFileBytes: number;
}

const maxEntries = 1_000_000;
const whiteout = ".wh.";
const opaque = ".wh..wh..opq";

/**
 * @param bytes of a layer: a tar, as it is or compressed with gzip or zstd.
 * @returns null for a layer that is damaged, or beyond a limit. @throws the stream's own error.
 */
export async function readLayerFiles(
  bytes: ByteStream,
  isChosen: (path: string) => boolean,
  { maxUnpackedBytes, maxFileBytes }: LayerLimits,
): Promise<LayerFiles | null> {
  const layer = { files: new Map<string, Buffer | null>(), removed: [] as string[], emptied: [] as string[] };
  let left = maxFileBytes;
  try {
    for await (const entry of readEntries(unpacked(bytes), { maxSizeBytes: maxUnpackedBytes, maxEntries })) {
      const path = entry.path.replace(/^(?:\.?\/)+|\/+$/g, "");
      if (addRemoval(layer, path) || !isChosen(path)) continue;
      if (entry.kind === "file") left -= entry.sizeBytes;
      if (left < 0) return null;
      layer.files.set(path, await contentOf(entry));
    }
  } catch (error) {
    if (error instanceof TarError || isDamage(error)) return null;
    throw error;
  }
  return layer;
}

/** @param layers lowest first. @returns the files that are left of all layers, by path. */
export function overlaid(layers: readonly LayerFiles[]): ReadonlyMap<string, Buffer> {
  const all = new Map<string, Buffer>();
  for (const { files, removed, emptied } of layers) {
    for (const path of all.keys())
      if (
        removed.some((one) => path === one || path.startsWith(`${one}/`)) ||
        emptied.some((one) => one === "" || path.startsWith(`${one}/`))
      )
        all.delete(path);
    for (const [path, content] of files) {
      if (content === null) all.delete(path);
      else all.set(path, content);
    }
  }
  return all;
}

/** Removals are files with names that begin with `.wh.`. @returns whether it is one. */
function addRemoval(
  layer: { readonly removed: string[]; readonly emptied: string[] },
  path: string,
): boolean {
  const slash = path.lastIndexOf("/") + 1;
  const name = path.slice(slash);
  if (!name.startsWith(whiteout)) return false;
  if (name === opaque) layer.emptied.push(path.slice(0, Math.max(0, slash - 1)));
  else layer.removed.push(path.slice(0, slash) + name.slice(whiteout.length));
  return true;
}

async function contentOf({ kind, body }: TarEntry): Promise<Buffer | null> {
  if (kind !== "file") return null;
  return Buffer.concat(await Array.fromAsync(body));
}

async function* unpacked(bytes: ByteStream): AsyncGenerator<Uint8Array> {
  await using reader = new ByteReader(bytes);
  const start = await reader.read(4);
  async function* all(): AsyncGenerator<Uint8Array> {
    yield start;
    yield* reader;
  }
  const decompressor = decompressorOf(start.toString("hex"));
  if (decompressor === null) yield* all();
  // The callback is empty: the reader of the last stream receives the error of any stream.
  else yield* pipeline(Readable.from(all()), decompressor, () => {}) as AsyncIterable<Uint8Array>;
}

/** @param start the first four bytes in hexadecimal. */
function decompressorOf(start: string) {
  if (start.startsWith("1f8b")) return createGunzip();
  return start === "28b52ffd" ? createZstdDecompress() : null;
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^Z(STD)?_/.test(String(error.code));
}
