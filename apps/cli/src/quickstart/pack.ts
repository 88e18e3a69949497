// Packs a folder into a source archive: a gzipped tar with that folder at its root.

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type NewEntry, writeEntries } from "@slipway/tar";

const excluded = new Set(["node_modules", ".git"]);

/** Packs a small folder in memory. */
export async function packFolder(folder: string): Promise<Buffer> {
  return promisify(gzip)(await buffer(writeEntries(entriesOf(folder))));
}

async function* entriesOf(folder: string): AsyncGenerator<NewEntry> {
  for (const path of await filesUnder(folder)) {
    const [{ mode, mtime }, body] = await Promise.all([stat(path), readFile(path)]);
    const name = join(basename(folder), relative(folder, path));
    const common = { kind: "file", uid: 0, gid: 0 } as const;
    yield { ...common, path: name, mode: mode & 0o777, mtime, sizeBytes: body.length, body };
  }
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const kept = entries.filter((entry) => !excluded.has(entry.name));
  const nested = kept
    .filter((entry) => entry.isDirectory())
    .map((entry) => filesUnder(join(folder, entry.name)));
  const files = kept.filter((entry) => entry.isFile()).map((entry) => join(folder, entry.name));
  return [...files, ...(await Promise.all(nested)).flat()].toSorted();
}
