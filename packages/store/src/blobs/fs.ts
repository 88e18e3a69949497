// Blobs as files below one directory, which any number of processes on this machine share.

import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";
import type { BlobStore, ByteStream, DisposableBytes } from "@slipway/core";
import { hasNoSpace, storeIsFull } from "../disk-full.ts";
import { abortable } from "./abortable.ts";
import { orCleanUp } from "./clean-up.ts";
import type { OnBlobError } from "./clean-up.ts";
import { checkBlobKey, checkBlobPrefix } from "./key.ts";

export interface FileBlobsOptions {
  /**
   * If missing, it is created for this user only. Finished blobs are below `blobs/`, unfinished ones in `tmp/`. If the directory's group
   * may write to it, the group may write to everything in it.
   */
  readonly directory: string;
  readonly onError: OnBlobError;
}

/** An unfinished blob that has not been written to for this long belongs to a dead process. */
const staleAfterMs = 24 * 60 * 60 * 1000;
/** Small, because a reader drops each chunk at once, and dropped chunks take up memory until the next garbage collection. */
const readChunkBytes = 32 * 1024;
/** Keys do not contain it, so the blob `a` and the folder of `a/b` do not collide. */
const fileSuffix = "~";

interface Folders {
  readonly blobs: string;
  readonly unfinished: string;
  /** Whether processes of other users in the same group share the folders. */
  readonly shared: boolean;
}

const ownModes = { folder: 0o700, file: 0o600 };
const sharedModes = { folder: 0o770, file: 0o660 };

/**
 * Opens the directory as a blob store.
 * @throws {SlipwayError} "store-unavailable" when the directory cannot be created or used.
 */
export async function openFileBlobs({ directory, onError }: FileBlobsOptions): Promise<BlobStore> {
  const root = resolve(directory);
  const folders = await onDisk(() => openFolders(root));
  return {
    put: (key, bytes, options = {}) => put(folders, onError, key, bytes, options),
    get: async (key) => get(pathOf(folders, key), onError),
    delete: async (key) => {
      const path = pathOf(folders, key);
      await onDisk(() => rm(path, { force: true }));
    },
    deletePrefix: (prefix) => deletePrefix(folders, prefix),
    clean: () => onDisk(() => sweep(folders.unfinished, Date.now() - staleAfterMs)),
    ping: () =>
      onDisk(async () => {
        await access(folders.blobs, constants.R_OK | constants.W_OK);
        await access(folders.unfinished, constants.W_OK);
      }),
    // No file stays open between calls.
    [Symbol.asyncDispose]: async () => {},
  };
}

async function openFolders(root: string): Promise<Folders> {
  const found = await stat(root).catch(nullIfMissing);
  const shared = found !== null && (found.mode & constants.S_IWGRP) !== 0;
  const folders = { blobs: join(root, "blobs"), unfinished: join(root, "tmp"), shared };
  const { folder: mode } = modesOf(folders);
  await mkdir(folders.blobs, { recursive: true, mode });
  await mkdir(folders.unfinished, { recursive: true, mode });
  return folders;
}

function modesOf({ shared }: Folders) {
  return shared ? sharedModes : ownModes;
}

function pathOf(folders: Folders, key: string): string {
  checkBlobKey(key);
  return join(folders.blobs, key) + fileSuffix;
}

async function put(
  folders: Folders,
  onError: OnBlobError,
  key: string,
  bytes: ByteStream,
  options: { readonly maxSizeBytes?: number; readonly signal?: AbortSignal },
): Promise<{ sizeBytes: number }> {
  const target = pathOf(folders, key);
  const unfinished = join(folders.unfinished, randomUUID());
  const work = async () => {
    const sizeBytes = await write(unfinished, modesOf(folders).file, onError, bytes, options);
    await onDisk(() => moveIntoPlace(unfinished, target, folders));
    return { sizeBytes };
  };
  return orCleanUp(work(), () => onDisk(() => rm(unfinished, { force: true })), onError);
}

async function write(
  path: string,
  mode: number,
  onError: OnBlobError,
  bytes: ByteStream,
  { maxSizeBytes = Infinity, signal }: { readonly maxSizeBytes?: number; readonly signal?: AbortSignal },
): Promise<number> {
  const file = await onDisk(() => open(path, "wx", mode));
  const work = async () => {
    let sizeBytes = 0;
    for await (const chunk of abortable(bytes, signal)) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxSizeBytes) throw tooLarge(maxSizeBytes);
      // writeFile continues where the previous call ended, and writes the whole chunk, which write() may not do.
      await onDisk(() => file.writeFile(chunk));
    }
    signal?.throwIfAborted();
    await onDisk(() => file.sync());
    return sizeBytes;
  };
  const sizeBytes = await orCleanUp(work(), () => file.close(), onError);
  await onDisk(() => file.close());
  return sizeBytes;
}

/** Renames the file, which replaces the blob atomically for all readers, and syncs the new name and its folders to disk. */
async function moveIntoPlace(from: string, target: string, folders: Folders): Promise<void> {
  const folder = dirname(target);
  while (!(await renamedInto(folder, modesOf(folders).folder, from, target))) await stat(from);
  await syncFolders(folder, folders.blobs);
}

/** @returns false when a concurrent deletePrefix has removed the folder, or the file no longer exists. */
async function renamedInto(folder: string, mode: number, from: string, target: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true, mode });
    await rename(from, target);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function syncFolders(folder: string, root: string): Promise<void> {
  for (let path = folder; !relative(root, path).startsWith(".."); path = dirname(path)) {
    // The folder was deleted in the meantime, together with the blob: that deletion takes precedence.
    const handle = await openIfThere(path);
    if (handle === null) return;
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function get(
  path: string,
  onError: OnBlobError,
): Promise<{ sizeBytes: number; bytes: DisposableBytes } | null> {
  const file = await onDisk(() => openIfThere(path));
  if (file === null) return null;
  const { size } = await orCleanUp(
    onDisk(() => file.stat()),
    () => file.close(),
    onError,
  );
  return { sizeBytes: size, bytes: bytesOf(file, onError) };
}

/** Replaces the file's own stream, whose errors would be the system's. */
function bytesOf(file: FileHandle, onError: OnBlobError): DisposableBytes {
  const bytes = Readable.from(chunksOf(file), { objectMode: false });
  bytes.once("close", () => {
    file.close().catch((error: unknown) => onError(error, "cannot close a blob that was read"));
  });
  return {
    [Symbol.asyncIterator]: () => bytes[Symbol.asyncIterator](),
    [Symbol.asyncDispose]: async () => {
      bytes.destroy();
    },
  };
}

async function* chunksOf(file: FileHandle): ByteStream {
  for (;;) {
    const { bytesRead, buffer } = await onDisk(() => file.read(Buffer.allocUnsafe(readChunkBytes)));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** First moves the folder away: its blobs are gone at once, and a concurrent put creates a new folder. */
async function deletePrefix(folders: Folders, prefix: string): Promise<void> {
  checkBlobPrefix(prefix);
  const leaving = join(folders.unfinished, randomUUID());
  await onDisk(async () => {
    try {
      await rename(join(folders.blobs, prefix), leaving);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    await rm(leaving, { recursive: true, force: true });
  });
}

async function sweep(folder: string, before: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(nullIfMissing);
    if (found !== null && found.mtimeMs < before) await rm(path, { recursive: true, force: true });
  }
}

/** Runs a file system operation; its failures are the store's, not the byte stream's. */
async function onDisk<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (hasNoSpace(error)) throw storeIsFull("the blob directory", error);
    throw new SlipwayError("store-unavailable", "the blob directory cannot be used", { cause: error });
  }
}

function nullIfMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

function tooLarge(maxSizeBytes: number): SlipwayError {
  return new SlipwayError("too-large", `larger than ${maxSizeBytes} bytes`);
}
