// Proves that a record is in a transparent log (RFC 6962), using the tiles with hashes that Go's checksum database serves.

import { createHash } from "node:crypto";
import type { SignedTree } from "./signed-tree.ts";

/** Reads a tile below the database's URL: consecutive hashes of 32 bytes. */
export type ReadTile = (path: string) => Promise<Buffer>;

const tileHeight = 8;
const hashBytes = 32;

/** @returns whether the record has this number in the tree. @throws the error of reading a tile. */
export async function isInTree(
  tree: SignedTree,
  { id, text }: { readonly id: number; readonly text: string },
  readTile: ReadTile,
): Promise<boolean> {
  if (id >= tree.size) return false;
  const tiles = new Tiles(tree.size, readTile);
  const leaf = hashOf(0, Buffer.from(text));
  const root = await rootOver(0, tree.size);
  return root.equals(tree.hash);

  /** Hash of the records from `low` to before `high`, computed with the hash of the given record's text. */
  async function rootOver(low: number, high: number): Promise<Buffer> {
    if (id < low || id >= high) return await storedHash(low, high);
    if (high - low === 1) return leaf;
    const middle = low + largestPower(high - low);
    return hashOf(1, await rootOver(low, middle), await rootOver(middle, high));
  }

  /** Only ranges whose number of records is a power of two have a stored hash. */
  async function storedHash(low: number, high: number): Promise<Buffer> {
    const count = high - low;
    if (Number.isInteger(Math.log2(count))) return await tiles.hash(Math.log2(count), low / count);
    const middle = low + largestPower(count);
    return hashOf(1, await storedHash(low, middle), await storedHash(middle, high));
  }
}

class Tiles {
  readonly #treeSize: number;
  readonly #read: ReadTile;
  readonly #tiles = new Map<string, Buffer>();

  constructor(treeSize: number, read: ReadTile) {
    this.#treeSize = treeSize;
    this.#read = read;
  }

  /** @param level number of levels above the records. */
  async hash(level: number, index: number): Promise<Buffer> {
    const tileLevel = Math.floor(level / tileHeight);
    const count = 2 ** (level % tileHeight);
    const first = index * count;
    const tile = await this.#tile(tileLevel, Math.floor(first / 2 ** tileHeight));
    const from = (first % 2 ** tileHeight) * hashBytes;
    return combined(tile.subarray(from, from + count * hashBytes));
  }

  async #tile(level: number, index: number): Promise<Buffer> {
    const available = Math.floor(this.#treeSize / 2 ** (tileHeight * level)) - index * 2 ** tileHeight;
    const width = Math.min(available, 2 ** tileHeight);
    const path = tilePath(level, index, width);
    const tile = this.#tiles.get(path) ?? (await this.#read(path));
    this.#tiles.set(path, tile);
    return tile;
  }
}

/** `tile/8/0/x066/385.p/12`: the number in groups of three digits, and the width of an incomplete tile. */
function tilePath(level: number, index: number, width: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/g) ?? [];
  const number = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${tileHeight}/${level}/${number}${width < 2 ** tileHeight ? `.p/${width}` : ""}`;
}

function combined(hashes: Buffer): Buffer {
  if (hashes.length <= hashBytes) return hashes;
  const middle = hashes.length / 2;
  return hashOf(1, combined(hashes.subarray(0, middle)), combined(hashes.subarray(middle)));
}

/** The largest power of two below a number. */
function largestPower(count: number): number {
  return 2 ** (Math.ceil(Math.log2(count)) - 1);
}

function hashOf(kind: 0 | 1, ...parts: readonly Buffer[]): Buffer {
  const hash = createHash("sha256").update(Buffer.of(kind));
  for (const part of parts) hash.update(part);
  return hash.digest();
}
