// Packs files into a gzipped tar, as clients upload their sources.

import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type NewEntry, type TarHeader, writeEntries } from "@slipway/tar";
import { testTime } from "./fixtures.ts";

/** A file's content, or an entry of any kind: its header beside the content. Names that end in "/" are folders. */
export type TarContent =
  | string
  | Uint8Array
  | (Partial<Omit<TarHeader, "path" | "sizeBytes">> & { readonly content?: string | Uint8Array });

/**
 * @param entries name → content, written in this order. Names and targets are not checked, so that tests can pack hostile
 * archives. Folders are packed only when they are named.
 */
export async function packTarGz(entries: Readonly<Record<string, TarContent>>): Promise<Buffer> {
  return promisify(gzip)(await packTar(entries));
}

/** The tar without compression. */
export async function packTar(entries: Readonly<Record<string, TarContent>>): Promise<Buffer> {
  return buffer(writeEntries(Object.entries(entries).map(([path, entry]) => newEntry(path, entry))));
}

function newEntry(path: string, entry: TarContent): NewEntry {
  const { content = "", ...header } =
    typeof entry === "string" || entry instanceof Uint8Array ? { content: entry } : entry;
  const body = Buffer.from(content);
  return { ...usualHeader(path), ...header, path, sizeBytes: body.length, body };
}

function usualHeader(path: string): Omit<TarHeader, "path" | "sizeBytes"> {
  const common = { uid: 0, gid: 0, mtime: testTime };
  return path.endsWith("/")
    ? { ...common, kind: "directory", mode: 0o755 }
    : { ...common, kind: "file", mode: 0o644 };
}
