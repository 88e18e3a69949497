// Streams a layer to the registry: hashes it, compresses it and hashes the result, without holding the whole layer in memory.

import { createHash } from "node:crypto";
import { Readable, pipeline } from "node:stream";
import { createGzip } from "node:zlib";
import type { ByteStream } from "@slipway/core";
import type { RegistryClient } from "./client.ts";
import type { RegistryResponse } from "./response.ts";

interface UploadedLayer {
  /** Digest of the compressed bytes. */
  readonly digest: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  readonly sizeBytes: number;
}

/** Level 1 takes a third of the time of level 6, and its output is a tenth larger. */
const gzipLevel = 1;
const compressedChunkBytes = 64 * 1024;
/**
 * Smaller chunks, as in a tar of many small files, are joined to reduce the overhead of hashing and compression. Larger chunks, as in a
 * tar of large files, are not copied, because a copy takes memory until the next garbage collection.
 */
const minBlockBytes = 32 * 1024;

/** Maximum size of a layer that is sent in a single request. */
const smallBytes = 256 * 1024;

/** @throws the tar stream's own error; "registry-unavailable" when the registry fails. In both cases the upload is canceled. */
export async function uploadLayer(
  client: RegistryClient,
  repository: string,
  tar: ByteStream,
  signal: AbortSignal,
): Promise<UploadedLayer> {
  const plain = hashed(inBlocks(tar));
  // One block at a time: compression is slower than reading, and the default queue holds 16 blocks.
  const blocks = Readable.from(plain.bytes, { highWaterMark: 1 });
  // The callback is empty, because the last stream's reader receives the errors of all streams.
  const gzip = pipeline(blocks, createGzip({ level: gzipLevel, chunkSize: compressedChunkBytes }), () => {});
  const compressed = hashed(gzip);
  const opening = openUpload(client, repository, signal);
  try {
    const [location, begun] = await Promise.all([opening, begin(compressed.bytes)]);
    await send(client, location, { begun, compressed }, signal);
    return { digest: compressed.digest(), diffId: plain.digest(), sizeBytes: compressed.sizeBytes() };
  } catch (error) {
    const failure = plain.error() ?? error;
    gzip.destroy();
    await opening.then((location) => cancelUpload(client, location)).catch(() => undefined);
    throw failure;
  }
}

/** @returns the location to which bytes are sent. */
export async function openUpload(
  client: RegistryClient,
  repository: string,
  signal: AbortSignal,
): Promise<string> {
  const path = `/v2/${repository}/blobs/uploads/`;
  return locationOf(await client.request("POST", path, { expect: [202], signal }));
}

/** Sends a small blob. Does not first check whether the registry has it, because most blobs are new. */
export async function uploadBlob(
  client: RegistryClient,
  repository: string,
  bytes: Uint8Array,
  digest: string,
  signal: AbortSignal,
): Promise<void> {
  await sendWhole(client, await openUpload(client, repository, signal), bytes, digest, signal);
}

const bytesHeaders = { "content-type": "application/octet-stream" };

/** Sends all bytes of an upload, which ends it. */
export async function sendWhole(
  client: RegistryClient,
  location: string,
  bytes: Uint8Array,
  digest: string,
  signal: AbortSignal,
): Promise<void> {
  const request = { headers: bytesHeaders, body: bytes, expect: [201], signal };
  await client.request("PUT", withDigest(location, digest), request);
}

/** @returns the location that completes an upload. */
export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
}

interface Begun {
  readonly chunks: readonly Uint8Array[];
  /** The remaining chunks; null when there are none. */
  readonly rest: AsyncIterator<Uint8Array> | null;
}

/** Reads a small layer completely, or the first chunks of a larger one. */
async function begin(bytes: AsyncIterable<Uint8Array>): Promise<Begun> {
  const chunks: Uint8Array[] = [];
  const rest = bytes[Symbol.asyncIterator]();
  for (let sizeBytes = 0; sizeBytes <= smallBytes;) {
    const next = await rest.next();
    if (next.done === true) return { chunks, rest: null };
    chunks.push(next.value);
    sizeBytes += next.value.length;
  }
  return { chunks, rest };
}

async function send(
  client: RegistryClient,
  location: string,
  { begun: { chunks, rest }, compressed }: { readonly begun: Begun; readonly compressed: Hashed },
  signal: AbortSignal,
): Promise<void> {
  if (rest === null) return sendWhole(client, location, Buffer.concat(chunks), compressed.digest(), signal);
  const stream = { bytes: continued(chunks, rest), digest: compressed.digest };
  await sendStream(client, location, stream, signal);
}

/** Sends all bytes of an upload as a stream, and ends it. @param stream its digest is read at the end. */
export async function sendStream(
  client: RegistryClient,
  location: string,
  { bytes, digest }: { readonly bytes: ByteStream; readonly digest: () => string },
  signal: AbortSignal,
): Promise<void> {
  const request = { headers: bytesHeaders, body: bytes, expect: [202], signal };
  const sent = await client.request("PATCH", location, request);
  const finish = withDigest(locationOf(sent), digest());
  await client.request("PUT", finish, { headers: { "content-length": "0" }, expect: [201], signal });
}

async function* continued(
  chunks: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* chunks;
  for (;;) {
    const next = await rest.next();
    if (next.done === true) return;
    yield next.value;
  }
}

async function* inBlocks(bytes: ByteStream): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of bytes) {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < minBlockBytes) continue;
    yield joined(pending, pendingBytes);
    pending = [];
    pendingBytes = 0;
  }
  if (pendingBytes > 0) yield joined(pending, pendingBytes);
}

function joined(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, sizeBytes);
}

type Hashed = ReturnType<typeof hashed>;

function hashed(bytes: ByteStream) {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  let failure: unknown;
  let digest: string | undefined;
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
    // A hash can produce its digest only once.
    digest: () => (digest ??= `sha256:${hash.digest("hex")}`),
    sizeBytes: () => sizeBytes,
    error: () => failure,
  };
}

/** Best effort: the registry itself removes abandoned uploads, and the caller reports the original error. */
export async function cancelUpload(client: RegistryClient, location: string): Promise<void> {
  const signal = AbortSignal.timeout(5_000);
  await client.request("DELETE", location, { expect: [202, 204, 404, 400], signal }).catch(() => undefined);
}

function locationOf(response: RegistryResponse): string {
  return response.header("location") ?? "";
}
