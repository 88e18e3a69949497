// An app's build cache: one zstd-compressed tar in the blob store, used by the worker that builds next. It only speeds up
// builds, so a cache that cannot be saved or restored is deleted, with a line in the log, and never fails a deployment. A build
// produced it, so it is validated and limited like a source, when it is saved and when it is restored.

import { pipeline } from "node:stream";
import { Readable } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { folderTar } from "@slipway/archive";
import { cacheBlobKey, SlipwayError, toSlipwayError } from "@slipway/core";
import type { ByteStream, ErrorCode, Sandbox } from "@slipway/core";
import type { Attempt } from "./attempt.ts";

const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const name = "cache";
/** Smallest space that a file takes on a build's volume. */
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
  // The callback is empty: the reader of the last stream receives the error of any stream.
  const compressed = pipeline(Readable.from(tar), createZstdCompress(fastest), () => {});
  const maxSizeBytes = platform.config.limits.cacheBytes;
  await platform.blobs.put(keyOf(attempt), compressed, { maxSizeBytes, signal });
}

/** Limits the cache to half of a build's volume, which leaves the other half to the build. */
function checked({ platform }: Attempt, tar: ByteStream): ByteStream {
  const maxUnpackedBytes = Math.floor(platform.config.build.diskBytes / 2);
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

/** Deletes the cache when its content caused the failure. @throws any other failure. */
async function deleteFor(attempt: Attempt, thrown: unknown, consequence: string): Promise<void> {
  const { platform, log, signal } = attempt;
  const { code, message } = toSlipwayError(thrown);
  if (signal.aborted || !contentErrors.has(code)) throw thrown;
  await platform.blobs.delete(keyOf(attempt));
  log.line(` !     The build cache is deleted, and ${consequence}: ${message}`);
}

function keyOf({ platform, app }: Attempt): string {
  return cacheBlobKey(app.id, app.cacheVersion, platform.config.stackImage);
}
