// Sends a layer to the registry as it is made: hashed, compressed, hashed again, never whole in memory.

import { createHash } from "node:crypto";
import { Readable, pipeline } from "node:stream";
import { createGzip } from "node:zlib";
import type { ByteStream } from "@slipway/core";
import type { RegistryClient } from "./client.ts";

export interface UploadedLayer {
  /** Of the compressed bytes. */
  readonly digest: string;
  /** Of the tar itself. */
  readonly diffId: string;
  readonly sizeBytes: number;
}

/** Builds wait for this: level 1 takes a third of the time of level 6, for a tenth more bytes. */
const gzipLevel = 1;
/** A tar of many small files comes in small chunks, each of which would cost a round through the hash and the compressor. */
const blockBytes = 256 * 1024;

/** @throws the tar stream's own error as it is; "registry-unavailable" for the registry's. Either way the upload is cancelled. */
export async function uploadLayer(
  client: RegistryClient,
  repository: string,
  tar: ByteStream,
  signal: AbortSignal,
): Promise<UploadedLayer> {
  const opened = await client.request("POST", `/v2/${repository}/blobs/uploads/`, { expect: [202], signal });
  let location = locationOf(opened);
  const plain = hashed(inBlocks(tar));
  // The callback has nothing to do: an error of any part reaches the reader of the last.
  const compressed = hashed(
    pipeline(Readable.from(plain.bytes), createGzip({ level: gzipLevel, chunkSize: blockBytes }), () => {}),
  );
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
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const chunk of bytes) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes < blockBytes) continue;
    yield Buffer.concat(waiting, waitingBytes);
    waiting = [];
    waitingBytes = 0;
  }
  if (waitingBytes > 0) yield Buffer.concat(waiting, waitingBytes);
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

/** Best effort: a registry drops uploads that nobody goes on with by itself, and the failure at hand is the one to tell. */
async function cancel(client: RegistryClient, location: string): Promise<void> {
  const signal = AbortSignal.timeout(5_000);
  await client.request("DELETE", location, { expect: [202, 204, 404, 400], signal }).catch(() => undefined);
}

function locationOf(response: Response): string {
  return response.headers.get("location") ?? "";
}
