// An app's build cache: one zstd-compressed tar in the blob store, used by whichever worker builds next. It only makes builds
// faster, so one that cannot be saved is told in the log and ends nothing, and a damaged one costs an attempt, not the app.

import { pipeline } from "node:stream";
import { Readable } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { cacheBlobKey, SlipwayError, toSlipwayError } from "@slipway/core";
import type { Sandbox } from "@slipway/core";
import type { Attempt } from "./attempt.ts";

const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/**
 * @throws {SlipwayError} also when the cache is damaged: what came out of it until then is in the sandbox, so it takes another
 * attempt to build without it.
 */
export async function restoreCache(attempt: Attempt, sandbox: Sandbox): Promise<void> {
  const { platform, log, signal } = attempt;
  const blob = await platform.blobs.get(keyOf(attempt));
  if (blob === null) return;
  // The callback has nothing to do: an error of any part reaches the reader of the last.
  await using bytes = blob.bytes;
  const tar = pipeline(Readable.from(bytes), createZstdDecompress(), () => {});
  try {
    await sandbox.upload("/work", tar, signal);
  } catch (thrown) {
    const error = toSlipwayError(thrown);
    // The engine and the store have codes of their own: then nothing is known of the cache.
    if (signal.aborted || error.code !== "internal") throw thrown;
    log.line(" !     The build cache is damaged: it is deleted");
    await platform.blobs.delete(keyOf(attempt));
    throw error;
  }
}

export async function saveCache(attempt: Attempt, sandbox: Sandbox): Promise<void> {
  const { platform, log, signal } = attempt;
  try {
    const tar = await sandbox.download("/work/cache", signal);
    const compressed = pipeline(Readable.from(tar), createZstdCompress(fastest), () => {});
    await platform.blobs.put(keyOf(attempt), compressed, {
      maxSizeBytes: platform.config.CACHE_MAX_MB,
      signal,
    });
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const error = toSlipwayError(thrown);
    platform.logger.warn(
      { err: error, deployment: attempt.lease.deployment.id },
      "cannot save the build cache",
    );
    const why =
      error instanceof SlipwayError && error.code === "too-large" ? "it is too large" : "its store failed";
    log.line(` !     The build cache was not saved: ${why}`);
  }
}

function keyOf({ platform, app }: Attempt): string {
  return cacheBlobKey(app.id, app.cacheVersion, platform.config.STACK_IMAGE);
}
