// Packs files into a gzipped tar, as clients upload their sources.

import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { pack } from "tar-stream";
import type { Header } from "tar-stream";
import { testTime } from "./fixtures.ts";

/** A file's content, or an entry of any kind: its header beside the content. Names that end in "/" are folders. */
export type TarContent =
  | string
  | Uint8Array
  | (Partial<Omit<Header, "name">> & { readonly content?: string | Uint8Array });

/**
 * @param entries name → content, written in this order. Nothing is checked or made up: hostile archives are welcome, and
 * folders are in it only when they are named.
 */
export async function packTarGz(entries: Readonly<Record<string, TarContent>>): Promise<Buffer> {
  return promisify(gzip)(await packTar(entries));
}

/** The tar without compression. */
export async function packTar(entries: Readonly<Record<string, TarContent>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, entry] of Object.entries(entries)) {
    const { content = "", ...header } =
      typeof entry === "string" || entry instanceof Uint8Array ? { content: entry } : entry;
    tar.entry({ ...usualHeader(name), ...header, name }, Buffer.from(content));
  }
  tar.finalize();
  return buffer(tar);
}

function usualHeader(name: string): Partial<Omit<Header, "name">> {
  return name.endsWith("/")
    ? { type: "directory", mode: 0o755, mtime: testTime }
    : { type: "file", mode: 0o644, mtime: testTime };
}
