// Streams a layer to the registry: hashes, compresses and hashes it again without holding it whole in memory.

import { createHash } from "node:crypto";
import { Readable, pipeline } from "node:stream";
import { createGzip } from "node:zlib";
import type { ByteStream } from "@slipway/core";
import type { RegistryClient } from "./client.ts";

interface UploadedLayer {
  /** Digest of the compressed bytes. */
  readonly digest: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  readonly sizeBytes: number;
}

/** Level 1 takes a third of the time of level 6, and its output is a tenth larger. */
const gzipLevel = 1;
/** Small chunks, as in a tar of many small files, are joined to reduce the overhead of hashing and compressing. */
const blockBytes = 64 * 1024;

/** @throws the tar stream's own error; "registry-unavailable" when the registry fails. In both cases it cancels the upload. */
export async function uploadLayer(
  client: RegistryClient,
  repository: string,
  tar: ByteStream,
  signal: AbortSignal,
): Promise<UploadedLayer> {
  const opened = await client.request("POST", `/v2/${repository}/blobs/uploads/`, { expect: [202], signal });
  let location = locationOf(opened);
  const plain = hashed(inBlocks(tar));
  // One block at a time: compressing is slower than reading, and the default queue holds 16 blocks.
  const blocks = Readable.from(plain.bytes, { highWaterMark: 1 });
  const gzip = createGzip({ level: gzipLevel, chunkSize: blockBytes });
  // The callback is empty, because the reader of the last stream receives the error of any stream.
  const compressed = hashed(pipeline(blocks, gzip, () => {}));
  try {
    const headers = { "content-type": "application/octet-stream" };
    const sent = await client.request("PATCH", location, {
      headers,
      body: compressed.bytes,
      expect: [202],
      signal,
    });
    location = locationOf(sent);
    const digest = compressed.digest();
    const separator = location.includes("?") ? "&" : "?";
    const finish = `${location}${separator}digest=${encodeURIComponent(digest)}`;
    await client.request("PUT", finish, { headers: { "content-length": "0" }, expect: [201], signal });
    return { digest, diffId: plain.digest(), sizeBytes: compressed.sizeBytes() };
  } catch (error) {
    await cancel(client, location);
    throw plain.error() ?? error;
  }
}

async function* inBlocks(bytes: ByteStream): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of bytes) {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < blockBytes) continue;
    yield Buffer.concat(pending, pendingBytes);
    pending = [];
    pendingBytes = 0;
  }
  if (pendingBytes > 0) yield Buffer.concat(pending, pendingBytes);
}

function hashed(bytes: ByteStream) {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  let failure: unknown;
  async function* through(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of bytes) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  return {
    bytes: through(),
    digest: () => `sha256:${hash.digest("hex")}`,
    sizeBytes: () => sizeBytes,
    error: () => failure,
  };
}

/** Best effort: a registry itself removes abandoned uploads, and the caller reports the original error. */
async function cancel(client: RegistryClient, location: string): Promise<void> {
  const signal = AbortSignal.timeout(5_000);
  await client.request("DELETE", location, { expect: [202, 204, 404, 400], signal }).catch(() => undefined);
}

function locationOf(response: Response): string {
  return response.headers.get("location") ?? "";
}
