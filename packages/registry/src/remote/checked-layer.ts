// Checks the content of a layer while it passes through: its digest, that of the tar in it, and how much it unpacks to.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import type { Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { SlipwayError } from "@slipway/core";
import type { ByteStream, RemoteLayer } from "@slipway/core";
import { readEntries, TarError } from "@slipway/tar";

export interface CheckedLayer {
  /** The bytes as they came. It ends only when the layer was what it should be, and otherwise throws. */
  readonly bytes: AsyncGenerator<Uint8Array>;
  /** What `bytes` threw; undefined before. A request that sent them may fail with another error. */
  failure(): unknown;
  /** Size of the tar, when `bytes` has ended. */
  unpackedBytes(): number;
}

/** How much the layers of an image may unpack to. */
export interface UnpackLimit {
  /** All of them. */
  readonly maxBytes: number;
  /** This one: what the layers before it left. */
  readonly leftBytes: number;
}

/** Files of one layer. */
const maxEntries = 1_000_000;

/**
 * @param limit of the tar, with the sizes that its headers state. Sparse files are refused: engines write their holes.
 * @throws {SlipwayError} from `bytes`: "build-failed", "image-too-large"; the errors of the source, unchanged.
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

/** Waits until the decompressor takes more, or until what reads it has failed. */
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
  const mebibytes = (bytes: number) => `${Math.floor(bytes / 1024 ** 2)} MiB`;
  const left = leftBytes === maxBytes ? "" : `, of which the layers before it left ${mebibytes(leftBytes)}`;
  return new SlipwayError(
    "image-too-large",
    `the layer ${digest} is too large: the layers of an image may unpack to ${mebibytes(maxBytes)} (IMAGE_MAX_MB)${left}`,
  );
}

function failed({ digest }: RemoteLayer, reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError("build-failed", `the layer ${digest} ${reason}`, { cause });
}
