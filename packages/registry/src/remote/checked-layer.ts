// Checks the content of a layer while it passes through: its digest, the digest of its tar, and its unpacked size.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import type { Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { SlipwayError, mebibytesText } from "@slipway/core";
import type { ByteStream, RemoteLayer } from "@slipway/core";
import { readEntries, TarError } from "@slipway/tar";

export interface CheckedLayer {
  /** The unchanged bytes. The stream ends normally only if the layer is valid, and otherwise throws. */
  readonly bytes: AsyncGenerator<Uint8Array>;
  /** The error thrown by `bytes`; undefined without one. A request that sends them may fail with another error. */
  failure(): unknown;
  /** Size of the tar, available when `bytes` has ended. */
  unpackedBytes(): number;
}

/** Maximum unpacked size of an image's layers. */
export interface UnpackLimit {
  /** Maximum for all layers together. */
  readonly maxBytes: number;
  /** Maximum for this layer: the remainder after the previous layers. */
  readonly leftBytes: number;
}

/** Maximum number of files in one layer. */
const maxEntries = 1_000_000;

/**
 * @param limit limit of the tar's size, with the sizes stated in its headers. Sparse files are refused, because engines write their holes.
 * @throws {SlipwayError} from `bytes`: "build-failed", "image-too-large"; the source's own errors, unchanged.
 */
export function checkedLayer(source: ByteStream, layer: RemoteLayer, limit: UnpackLimit): CheckedLayer {
  const stored = createHash("sha256");
  let storedBytes = 0;
  let failure: unknown;
  const unpacked = { hash: createHash("sha256"), sizeBytes: 0 };

  async function* through(): AsyncGenerator<Uint8Array> {
    const tar = layer.isCompressed ? createGunzip() : new PassThrough();
    const reading = readTar(tar, unpacked, limit.leftBytes);
    // Awaited below; until then its failure must not count as unhandled.
    reading.catch(() => undefined);
    try {
      for await (const chunk of source) {
        stored.update(chunk);
        storedBytes += chunk.length;
        await write(tar, chunk, reading);
        yield chunk;
      }
      if (storedBytes !== layer.sizeBytes || `sha256:${stored.digest("hex")}` !== layer.digest)
        throw failed(layer, "is not the one with this digest: the registry returned other content");
      tar.end();
      await reading;
      if (`sha256:${unpacked.hash.digest("hex")}` !== layer.diffId)
        throw failed(layer, "is not the one that the image's configuration names");
    } catch (error) {
      failure = translated(error, layer, limit);
      throw failure;
    } finally {
      tar.destroy();
    }
  }

  return { bytes: through(), failure: () => failure, unpackedBytes: () => unpacked.sizeBytes };
}

/** Waits until the decompressor accepts more, or until its reader has failed. */
async function write(tar: Transform, chunk: Uint8Array, reading: Promise<void>): Promise<void> {
  if (tar.destroyed) return reading;
  if (!tar.write(chunk)) await Promise.race([once(tar, "drain"), reading]);
}

async function readTar(
  tar: Transform,
  unpacked: { readonly hash: ReturnType<typeof createHash>; sizeBytes: number },
  maxSizeBytes: number,
): Promise<void> {
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar as AsyncIterable<Buffer>) {
      unpacked.hash.update(chunk);
      unpacked.sizeBytes += chunk.length;
      yield chunk;
    }
  }
  // The entries are only counted: their bodies are skipped.
  for await (const _entry of readEntries(counted(), { maxSizeBytes, maxEntries }));
}

function translated(error: unknown, layer: RemoteLayer, limit: UnpackLimit): unknown {
  if (error instanceof TarError) {
    if (error.problem === "too-large") return tooLarge(layer, limit);
    return failed(layer, `cannot be unpacked: ${error.message}`, error);
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(Z_|ERR_(PADDING|TRAILING))/.test(code)
    ? failed(layer, "is not compressed by gzip", error)
    : error;
}

function tooLarge({ digest }: RemoteLayer, { maxBytes, leftBytes }: UnpackLimit): SlipwayError {
  const left =
    leftBytes === maxBytes ? "" : `, of which the layers before it left ${mebibytesText(leftBytes)}`;
  return new SlipwayError(
    "image-too-large",
    `the layer ${digest} is too large: the layers of an image may unpack to ${mebibytesText(maxBytes)} (IMAGE_MAX_MB)${left}`,
  );
}

function failed({ digest }: RemoteLayer, reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError("build-failed", `the layer ${digest} ${reason}`, { cause });
}
