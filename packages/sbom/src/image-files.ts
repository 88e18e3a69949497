// Reads selected files of an image from its layers, as in the container: upper layers replace and remove files of lower ones.

import { pipeline, Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { ByteStream } from "@slipway/core";
import { ByteReader, readEntries, TarError } from "@slipway/tar";
import type { TarEntry } from "@slipway/tar";
import { UnreadableImage } from "./unreadable-image.ts";

/** The changes of a layer to the selected files. */
export interface LayerFiles {
  /** Content by path; null for an entry that is not a file but replaces one. */
  readonly files: ReadonlyMap<string, Buffer | null>;
  /** Paths that the layer removes, including everything below them. */
  readonly removed: ReadonlySet<string>;
  /** Folders whose content from lower layers is removed. */
  readonly emptied: ReadonlySet<string>;
  /** The part of the image's budget that the layer uses. */
  readonly taken: Budget;
}

/** Memory limits for one image: for all its layers together, since each may be hostile. */
export interface Budget {
  /** Bytes of selected files, and of names. */
  readonly bytes: number;
  /** Number of selected files and removals. */
  readonly paths: number;
}

export interface LayerLimits {
  /** Maximum size of the layer's tar. */
  readonly maxUnpackedBytes: number;
  /** The budget that remains after the lower layers. */
  readonly budget: Budget;
}

/** @returns the file's maximum size in bytes; undefined to skip the file. */
export type Choose = (path: string) => number | undefined;

const maxEntries = 1_000_000;
/** Longer than any path that Linux can open. */
const maxPathLength = 4_096;
const whiteout = ".wh.";
const opaque = ".wh..wh..opq";

/**
 * @param bytes the layer: a tar, uncompressed or compressed with gzip or zstd.
 * @throws {UnreadableImage} for a layer that is damaged, or exceeds a limit; the stream's own error.
 */
export async function readLayerFiles(
  bytes: ByteStream,
  choose: Choose,
  { maxUnpackedBytes, budget }: LayerLimits,
): Promise<LayerFiles> {
  const layer = new Layer(budget);
  try {
    for await (const entry of readEntries(unpacked(bytes), { maxSizeBytes: maxUnpackedBytes, maxEntries })) {
      if (entry.path.length > maxPathLength)
        throw new UnreadableImage(`a path in a layer has more than ${maxPathLength} characters`);
      const path = plainPath(entry.path);
      const name = path.slice(path.lastIndexOf("/") + 1);
      if (name.startsWith(whiteout)) layer.addRemoval(path, name);
      else await addChosen(layer, { path, entry, maxSizeBytes: choose(path) });
    }
  } catch (error) {
    if (error instanceof TarError || isDamage(error))
      throw new UnreadableImage(`a layer cannot be read: ${error.message}`, { cause: error });
    throw error;
  }
  return layer;
}

/** The resulting files of an image, whose layers are added from the lowest to the highest. */
export class ImageFiles {
  readonly #files = new Map<string, Buffer>();
  #left: Budget;

  constructor(budget: Budget) {
    this.#left = budget;
  }

  /** Content by path. */
  get files(): ReadonlyMap<string, Buffer> {
    return this.#files;
  }

  /** The budget that remains for the following layers. */
  get left(): Budget {
    return this.#left;
  }

  /** @throws {UnreadableImage} when the image exceeds its budget. */
  add({ files, removed, emptied, taken }: LayerFiles): void {
    this.#left = reduced(this.#left, taken);
    if (removed.size + emptied.size > 0)
      for (const path of this.#files.keys())
        if (removed.has(path) || foldersOf(path).some((one) => removed.has(one) || emptied.has(one)))
          this.#files.delete(path);
    for (const [path, content] of files) {
      if (content === null) this.#files.delete(path);
      else this.#files.set(path, content);
    }
  }
}

/** A layer while it is being read. */
class Layer implements LayerFiles {
  readonly files = new Map<string, Buffer | null>();
  readonly removed = new Set<string>();
  readonly emptied = new Set<string>();
  readonly #budget: Budget;
  #left: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#left = budget;
  }

  get taken(): Budget {
    const { bytes, paths } = this.#left;
    return { bytes: this.#budget.bytes - bytes, paths: this.#budget.paths - paths };
  }

  /** Called before memory is used. @throws {UnreadableImage} when the image exceeds its budget. */
  take(path: string, contentBytes: number): void {
    this.#left = reduced(this.#left, { bytes: Buffer.byteLength(path) + contentBytes, paths: 1 });
  }

  /** Removals are files with names that begin with `.wh.`. */
  addRemoval(path: string, name: string): void {
    this.take(path, 0);
    const folder = path.slice(0, path.length - name.length);
    if (name === opaque) this.emptied.add(copied(folder.slice(0, -1)));
    else this.removed.add(copied(folder + name.slice(whiteout.length)));
  }
}

interface ChosenEntry {
  readonly path: string;
  readonly entry: TarEntry;
  readonly maxSizeBytes: number | undefined;
}

async function addChosen(layer: Layer, { path, entry, maxSizeBytes }: ChosenEntry): Promise<void> {
  if (maxSizeBytes === undefined) return;
  const isFile = entry.kind === "file";
  if (isFile && entry.sizeBytes > maxSizeBytes)
    throw new UnreadableImage(`the file ${path} has more than ${maxSizeBytes} bytes`);
  layer.take(path, isFile ? entry.sizeBytes : 0);
  layer.files.set(copied(path), await contentOf(entry));
}

/** @throws {UnreadableImage} when nothing remains. */
function reduced(left: Budget, { bytes, paths }: Budget): Budget {
  if (bytes > left.bytes || paths > left.paths)
    throw new UnreadableImage(
      "its lists of packages, with what its layers remove, are too large or too many",
    );
  return { bytes: left.bytes - bytes, paths: left.paths - paths };
}

/** Removes slashes at both ends. A regular expression for trailing ones would take quadratic time. */
function plainPath(path: string): string {
  let end = path.length;
  while (path.endsWith("/", end)) end -= 1;
  return path.slice(0, end).replace(/^(?:\.?\/)+/, "");
}

/** @returns the parent folders of a path, up to the root, which is "". */
function foldersOf(path: string): readonly string[] {
  const folders = [""];
  for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1))
    folders.push(path.slice(0, end));
  return folders;
}

/** Copies a string, because a substring keeps the whole string in memory, such as an extended header of 1 MiB. */
function copied(text: string): string {
  return Buffer.from(text).toString("utf8");
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
  // The callback is empty, because the last stream's reader receives the errors of all streams.
  else yield* pipeline(Readable.from(all()), decompressor, () => {}) as AsyncIterable<Uint8Array>;
}

/** @param start the first four bytes in hexadecimal. */
function decompressorOf(start: string) {
  if (start.startsWith("1f8b")) return createGunzip();
  return start === "28b52ffd" ? createZstdDecompress() : null;
}

function isDamage(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^Z(STD)?_/.test(String(error.code));
}
