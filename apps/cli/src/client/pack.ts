// Packs a folder into a source archive: a gzipped tar with one folder at its root. The same source always gives the same bytes.

import { mebibytesText } from "@slipway/core";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import { reasonOf } from "@slipway/setup";
import { type NewEntry, writeEntries } from "@slipway/tar";
import { CommandError, exitCodes } from "./command-error.ts";
import { listSource } from "./source-files.ts";
import type { SourceFile } from "./source-files.ts";

export interface PackOptions {
  readonly slugIgnore?: boolean;
  /** The maximum size of all files together, in bytes. */
  readonly maxSizeBytes?: number;
}

export interface PackedSource {
  readonly files: number;
  /** The size of all files together. */
  readonly sizeBytes: number;
  /** Opens the archive's bytes. Files are read while the result is read. @param onRead called with the number of file bytes read. */
  open: (onRead?: (bytes: number) => void) => Readable;
}

const root = "app";
/** Modification times are not part of the source: they differ between two clones of one commit. */
const packedTime = new Date("2000-01-01T00:00:00Z");

/** Packs a small folder in memory. */
export async function packFolder(folder: string): Promise<Buffer> {
  return buffer((await packSource(folder)).open());
}

/**
 * Lists the files of the archive. Their contents are read only when it is opened.
 * @throws {CommandError} when the folder does not exist or is empty, its files are larger than the limit, or a link leaves it.
 */
export async function packSource(folder: string, options: PackOptions = {}): Promise<PackedSource> {
  await checkFolder(folder);
  const files = await listSource(folder, { slugIgnore: options.slugIgnore ?? false });
  if (files.length === 0) {
    throw new CommandError(`${folder} has no files to deploy: check the folder, .gitignore and .slugignore.`);
  }
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  checkSize(folder, files, sizeBytes, options.maxSizeBytes ?? Number.POSITIVE_INFINITY);
  return { files: files.length, sizeBytes, open: (onRead) => openArchive(folder, files, onRead) };
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    throw new CommandError(`${folder} cannot be deployed: ${reasonOf(error)}.`, exitCodes.usage);
  });
  if (found.isDirectory()) return;
  throw new CommandError(`${folder} is not a folder: name the folder of the app's source.`, exitCodes.usage);
}

function checkSize(folder: string, files: readonly SourceFile[], sizeBytes: number, maxBytes: number): void {
  if (sizeBytes <= maxBytes) return;
  const largest = files.toSorted((a, b) => b.sizeBytes - a.sizeBytes).slice(0, 3);
  const named = largest.map((file) => `${file.path} (${mebibytesText(file.sizeBytes, "tenths")})`).join(", ");
  throw new CommandError(
    `${folder} has ${mebibytesText(sizeBytes, "tenths")} of files, and the limit is ${mebibytesText(maxBytes, "tenths")}. The largest are ${named}: ` +
      "name what the app does not need in .gitignore.",
  );
}

function openArchive(
  folder: string,
  files: readonly SourceFile[],
  onRead: ((bytes: number) => void) | undefined,
): Readable {
  const tar = Readable.from(writeEntries(files.map((file) => entryOf(folder, file, onRead))));
  const archive = createGzip();
  tar.on("error", (error) => archive.destroy(changedWhilePacked(error)));
  archive.on("close", () => tar.destroy());
  return tar.pipe(archive);
}

function entryOf(
  folder: string,
  { kind, path, isExecutable, sizeBytes, target }: SourceFile,
  onRead: ((bytes: number) => void) | undefined,
): NewEntry {
  const mode = kind === "file" && !isExecutable ? 0o644 : 0o755;
  const header = {
    kind,
    path: `${root}/${path}`,
    target,
    mode,
    uid: 0,
    gid: 0,
    mtime: packedTime,
    sizeBytes,
  };
  return kind === "file" ? { ...header, body: readFileOf(join(folder, path), onRead) } : header;
}

async function* readFileOf(path: string, onRead: ((bytes: number) => void) | undefined) {
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    onRead?.(chunk.length);
    yield chunk;
  }
}

function changedWhilePacked(error: Error): CommandError {
  return new CommandError(
    `The source cannot be packed: ${reasonOf(error)}. If a program changes the folder, stop it and deploy again.`,
  );
}
