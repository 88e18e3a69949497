// An app's build cache: one zstd-compressed tar in the blob store, used by whichever worker builds next. It only makes builds
// faster, so it ends no deployment: one that cannot be kept or used is deleted, with a line in the log. A build made it, so it is
// checked and bounded like a source, when it is saved and when it is restored.

import { pipeline } from "node:stream";
import { Readable } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { folderTar } from "@slipway/archive";
import { cacheBlobKey, SlipwayError, toSlipwayError } from "@slipway/core";
import type { ByteStream, ErrorCode, Sandbox } from "@slipway/core";
import type { Attempt } from "./attempt.ts";

const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const name = "cache";
/** What a file counts at least in a build's disk, however small. */
const fileMinBytes = 4096;
/** These lie in what is cached; failures of the engine and the store have other codes. */
const faultsOfCache: ReadonlySet<ErrorCode> = new Set([
  "archive-invalid",
  "archive-too-large",
  "build-disk-full",
  "build-failed",
  "engine-refused",
  "too-large",
]);

/**
 * @returns false when there is a cache that cannot be restored. It is deleted then, and the sandbox may hold a part of it: a
 * build without a cache needs another one.
 */
export async function restoreCache(attempt: Attempt, sandbox: Sandbox): Promise<boolean> {
  const { platform, signal } = attempt;
  const blob = await platform.blobs.get(keyOf(attempt));
  if (blob === null) return true;
  await using bytes = blob.bytes;
  try {
    await sandbox.upload("/work", checked(attempt, decompressed(bytes)), signal);
    return true;
  } catch (thrown) {
    await deleteFor(attempt, thrown, "this build begins again without it");
    return false;
  }
}

export async function saveCache(attempt: Attempt, sandbox: Sandbox): Promise<void> {
  const { platform, lease, log, signal } = attempt;
  try {
    await save(attempt, sandbox).catch((thrown: unknown) =>
      deleteFor(attempt, thrown, "the next build begins without it"),
    );
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    platform.logger.warn({ err: thrown, deployment: lease.deployment.id }, "cannot save the build cache");
    log.line(" !     The build cache was not saved: the platform failed to store it");
  }
}

async function save(attempt: Attempt, sandbox: Sandbox): Promise<void> {
  const { platform, signal } = attempt;
  const tar = checked(attempt, await sandbox.download(`/work/${name}`, signal));
  // The callback has nothing to do: an error of any part reaches the reader of the last.
  const compressed = pipeline(Readable.from(tar), createZstdCompress(fastest), () => {});
  const maxSizeBytes = platform.config.CACHE_MAX_MB;
  await platform.blobs.put(keyOf(attempt), compressed, { maxSizeBytes, signal });
}

/** Half of a build's disk at the most: the other half is left for the build that it is restored for. */
function checked({ platform }: Attempt, tar: ByteStream): ByteStream {
  const maxUnpackedBytes = Math.floor(platform.config.BUILD_DISK_MB / 2);
  const maxEntries = Math.ceil(maxUnpackedBytes / fileMinBytes);
  return folderTar(tar, { name, limits: { maxUnpackedBytes, maxEntries } });
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

/** Deletes the cache when the failure lies in it. @throws the failure when it does not. */
async function deleteFor(attempt: Attempt, thrown: unknown, consequence: string): Promise<void> {
  const { platform, log, signal } = attempt;
  const { code, message } = toSlipwayError(thrown);
  if (signal.aborted || !faultsOfCache.has(code)) throw thrown;
  await platform.blobs.delete(keyOf(attempt));
  log.line(` !     The build cache is deleted, and ${consequence}: ${message}`);
}

function keyOf({ platform, app }: Attempt): string {
  return cacheBlobKey(app.id, app.cacheVersion, platform.config.STACK_IMAGE);
}
