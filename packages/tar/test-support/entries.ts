// Entries with usual attributes, and plain summaries of what a tar contains.

import type { ByteStream } from "@slipway/core";
import { readEntries } from "../src/read-entries.ts";
import type { NewEntry } from "../src/write-entries.ts";

const common = { uid: 0, gid: 0, mtime: new Date("2024-01-01T00:00:00Z") };

export function file(path: string, content = "", changes: Partial<NewEntry> = {}): NewEntry {
  const body = Buffer.from(content);
  return { ...common, kind: "file", path, mode: 0o644, sizeBytes: body.length, body, ...changes };
}

export function directory(path: string): NewEntry {
  return { ...common, kind: "directory", path, mode: 0o755, sizeBytes: 0 };
}

export function link(kind: "symlink" | "hardlink", path: string, target: string): NewEntry {
  return { ...common, kind, path, target, mode: 0o777, sizeBytes: 0 };
}

export async function bytesOf(tar: ByteStream): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(tar));
}

export async function* streamOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** Kind, path, target and content of each entry. */
export async function contentOf(tar: ByteStream): Promise<readonly (readonly string[])[]> {
  const entries: string[][] = [];
  for await (const { kind, path, target, body } of readEntries(tar, {}))
    entries.push([kind, path, target, (await bytesOf(body)).toString()]);
  return entries;
}
