// Packs a folder into a source archive: a gzipped tar with that folder at its root.
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";

const excluded = new Set(["node_modules", ".git"]);

/** Packs a small folder in memory. */
export async function packFolder(folder: string): Promise<Buffer> {
  const archive = pack();
  const packed = buffer(archive.pipe(createGzip()));
  for (const path of await filesUnder(folder)) {
    const { mode, mtime } = await stat(path);
    const name = join(basename(folder), relative(folder, path));
    archive.entry({ name, mode: mode & 0o777, mtime }, await readFile(path));
  }
  archive.finalize();
  return packed;
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
