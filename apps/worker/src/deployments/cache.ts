// An app's build cache: one zstd-compressed tar in the blob store, used by the next worker that builds the app. The cache only speeds up
// builds: if it cannot be saved or restored, it is deleted with a line in the log, and the deployment continues. A build produced the
// cache, so it is validated and limited like a source, both when it is saved and when it is restored.

import { pipeline } from "node:stream";
import { Readable } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { folderEntries, folderTar } from "@slipway/archive";
import type { FileOwner, FolderTarOptions } from "@slipway/archive";
import { cacheBlobKey, SlipwayError, toSlipwayError } from "@slipway/core";
import type { App, BlobStore, ByteStream, Deployment, ErrorCode, Sandbox } from "@slipway/core";
import type { LogWriter } from "@slipway/logs";
import type { Logger } from "@slipway/service";
import type { NewEntry } from "@slipway/tar";
import type { WorkerConfig } from "../config.ts";

const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const name = "cache";
const againWithout = "this build begins again without it";
/** The minimum space of a file on the disk of a build. */
const fileMinBytes = 4096;
/** Errors that the cached content causes; failures of the engine and the store have other codes. */
const contentErrors: ReadonlySet<ErrorCode> = new Set([
  "archive-invalid",
  "archive-too-large",
  "build-disk-full",
  "build-failed",
  "engine-refused",
  "too-large",
]);

export interface CacheContext {
  readonly blobs: Pick<BlobStore, "get" | "put" | "delete">;
  readonly logger: Pick<Logger, "warn">;
  readonly config: Pick<WorkerConfig, "stackBuildImage"> & {
    readonly build: Pick<WorkerConfig["build"], "diskBytes">;
    readonly limits: Pick<WorkerConfig["limits"], "cacheBytes">;
  };
}

/** The attempt whose build uses the cache. */
export interface CacheAttempt {
  readonly lease: { readonly deployment: Pick<Deployment, "id"> };
  readonly app: Pick<App, "id" | "cacheVersion">;
  readonly log: Pick<LogWriter, "line">;
  readonly signal: AbortSignal;
}

/** The kind of build that the cache belongs to. An app has one cache for each kind. */
export interface CacheKind {
  /** Name of the stack or the builder image that the build runs in. */
  readonly stack: string;
  /** Owner of the files. Default: the build's user of the stack. */
  readonly owner?: FileOwner;
}

interface RestoreOptions {
  /** Called after a cache was restored. */
  readonly onRestored?: (() => void) | undefined;
  /** Default: the kind of builds in the stack. */
  readonly kind?: CacheKind;
}

/**
 * Restores the app's cache into the sandbox.
 * @returns false when there is a cache that cannot be restored. The cache is then deleted, and the sandbox may contain a part of it, so a
 * build without a cache needs another sandbox.
 */
export async function restoreCache(
  context: CacheContext,
  attempt: CacheAttempt,
  sandbox: Pick<Sandbox, "upload">,
  { onRestored = () => {}, kind = ofStack(context) }: RestoreOptions = {},
): Promise<boolean> {
  const key = keyOf(attempt, kind);
  const blob = await context.blobs.get(key);
  if (blob === null) return true;
  await using bytes = blob.bytes;
  try {
    await sandbox.upload("/work", checked(context, decompressed(bytes), kind), attempt.signal);
    onRestored();
    return true;
  } catch (thrown) {
    await deleteFor(context, attempt, key, thrown, againWithout);
    return false;
  }
}

/**
 * Opens a sandbox and restores the app's cache into it. If the cache cannot be restored, opens another sandbox without a cache.
 * @throws the errors of `open` and of the blob store. In this case the sandbox is removed.
 */
export async function openWithCache(
  context: CacheContext,
  attempt: CacheAttempt,
  open: () => Promise<Sandbox>,
  options?: RestoreOptions,
): Promise<Sandbox> {
  for (;;) {
    await using owned = new AsyncDisposableStack();
    const sandbox = owned.use(await open());
    if (!(await restoreCache(context, attempt, sandbox, options))) continue;
    owned.move();
    return sandbox;
  }
}

/**
 * Opens a sandbox that `open` fills in a single upload, which includes the cache: each upload costs the engine as much time as a start.
 * If that fails because of the content, opens another sandbox without a cache.
 * @param open receives the cache's entries, with paths relative to /; null without a cache.
 * @throws the errors of `open` and of the blob store. In this case the sandbox is removed.
 */
export async function openIncludingCache(
  context: CacheContext,
  attempt: CacheAttempt,
  open: (cache: AsyncIterable<NewEntry> | null) => Promise<Sandbox>,
  { onRestored = () => {}, kind = ofStack(context) }: RestoreOptions = {},
): Promise<Sandbox> {
  const key = keyOf(attempt, kind);
  const blob = await context.blobs.get(key);
  if (blob === null) return await open(null);
  await using bytes = blob.bytes;
  try {
    const options = folderOptions(context, kind, `work/${name}`);
    const sandbox = await open(folderEntries(decompressed(bytes), options));
    onRestored();
    return sandbox;
  } catch (thrown) {
    if (attempt.signal.aborted || !contentErrors.has(toSlipwayError(thrown).code)) throw thrown;
    await using owned = new AsyncDisposableStack();
    // If the other content is at fault, this fails in the same way, and the cache is kept.
    const sandbox = owned.use(await open(null));
    await deleteFor(context, attempt, key, thrown, againWithout);
    owned.move();
    return sandbox;
  }
}

/**
 * Saves the cache that the build left in the sandbox. If that cache is empty, deletes the stored one.
 * @throws only the signal's reason when aborted.
 */
export async function saveCache(
  context: CacheContext,
  attempt: CacheAttempt,
  sandbox: Pick<Sandbox, "download">,
  { isEmpty = false, kind = ofStack(context) }: { isEmpty?: boolean; kind?: CacheKind } = {},
): Promise<void> {
  const { lease, log, signal } = attempt;
  const key = keyOf(attempt, kind);
  try {
    if (isEmpty) return await context.blobs.delete(key);
    await save(context, attempt, sandbox, kind).catch((thrown: unknown) =>
      deleteFor(context, attempt, key, thrown, "the next build begins without it"),
    );
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    context.logger.warn({ err: thrown, deployment: lease.deployment.id }, "cannot save the build cache");
    log.line(" !     The build cache was not saved: the platform failed to store it");
  }
}

async function save(
  context: CacheContext,
  attempt: CacheAttempt,
  sandbox: Pick<Sandbox, "download">,
  kind: CacheKind,
): Promise<void> {
  const { signal } = attempt;
  const tar = checked(context, await sandbox.download(`/work/${name}`, signal), kind);
  // The callback is empty, because the reader of the last stream receives the error of any stream.
  const compressed = pipeline(Readable.from(tar), createZstdCompress(fastest), () => {});
  const maxSizeBytes = context.config.limits.cacheBytes;
  await context.blobs.put(keyOf(attempt, kind), compressed, { maxSizeBytes, signal });
}

function checked(context: CacheContext, tar: ByteStream, kind: CacheKind): ByteStream {
  return folderTar(tar, folderOptions(context, kind, name));
}

/** Limits the cache to half of a build's disk space; the build can use the other half. */
function folderOptions({ config }: CacheContext, { owner }: CacheKind, path: string): FolderTarOptions {
  const maxUnpackedBytes = Math.floor(config.build.diskBytes / 2);
  const maxEntries = Math.ceil(maxUnpackedBytes / fileMinBytes);
  const limits = { maxUnpackedBytes, maxEntries };
  return { name: path, limits, ...(owner === undefined ? {} : { owner }) };
}

async function* decompressed(bytes: ByteStream): AsyncGenerator<Uint8Array> {
  const tar: AsyncIterable<Uint8Array> = pipeline(Readable.from(bytes), createZstdDecompress(), () => {});
  try {
    yield* tar;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && /^Z(STD)?_/.test(String(error.code)))) throw error;
    throw new SlipwayError("archive-invalid", "it is damaged", { cause: error });
  }
}

/** Deletes the cache when its content caused the failure. @throws any other failure. */
async function deleteFor(
  context: CacheContext,
  attempt: CacheAttempt,
  key: string,
  thrown: unknown,
  consequence: string,
): Promise<void> {
  const { log, signal } = attempt;
  const { code, message } = toSlipwayError(thrown);
  if (signal.aborted || !contentErrors.has(code)) throw thrown;
  await context.blobs.delete(key);
  log.line(` !     The build cache is deleted, and ${consequence}: ${message}`);
}

function ofStack({ config }: CacheContext): CacheKind {
  return { stack: config.stackBuildImage };
}

function keyOf({ app }: CacheAttempt, { stack }: CacheKind): string {
  return cacheBlobKey(app.id, app.cacheVersion, stack);
}
