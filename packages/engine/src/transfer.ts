// Streams tars in and out of a sandbox's volume, with backpressure. A failure of either side ends the transfer immediately.

import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { type ByteStream, SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, engineError, requestStream, responseOf, statusOf } from "@slipway/docker";
import { endOfTar } from "@slipway/tar";
import { directoriesTar } from "./directories-tar.ts";
import { kindOfPath } from "./path-kind.ts";
import { buildUserId, type SandboxContext, volumePath } from "./sandbox-config.ts";

/** Long enough for archives of many gigabytes, and longer than any build may take. */
const transferLimitMs = 60 * 60_000;
/** The bit of a directory in Go's file modes, which the engine returns. */
const directoryBit = 2 ** 31;

/**
 * Unpacks a tar below `path` in the volume, and creates missing parent directories.
 * @throws {SlipwayError} "engine-refused" when the engine rejects the tar; the tar stream's own error.
 */
export async function uploadTar(
  container: Docker.Container,
  path: string,
  tar: ByteStream,
  signal: AbortSignal,
): Promise<void> {
  await ensureDirectory(container, inVolume(path), signal);
  // A failure of the tar stream is reported instead of the broken request that it causes.
  let tarFailure: { error: unknown } | undefined;
  const source = Readable.from(
    (async function* () {
      try {
        yield* tar;
      } catch (error) {
        tarFailure = { error };
        throw error;
      }
    })(),
    { objectMode: false },
  );
  try {
    const put = (abortSignal: AbortSignal): Promise<unknown> =>
      container.putArchive(source, { path, abortSignal });
    await callEngine(`unpack into ${path}`, put, { signal, limitMs: transferLimitMs });
  } catch (error) {
    if (tarFailure !== undefined) throw tarFailure.error;
    // 404: the container does not exist, so the tar is not at fault.
    if ([null, 404].includes(statusOf(error))) throw error;
    throw new SlipwayError("engine-refused", error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  } finally {
    source.destroy();
  }
}

/**
 * Opens the tar stream of the directory at `path`. It is lazy and can be read once; leaving it early closes it.
 * @throws {SlipwayError} "build-failed" when the path is not a directory, because only the build can have removed it.
 */
export async function downloadTar(
  docker: Docker,
  sandbox: SandboxContext,
  path: string,
  signal: AbortSignal,
): Promise<Readable> {
  const container = docker.getContainer(sandbox.id);
  const open = async () => responseOf(await container.getArchive({ path: inVolume(path) }));
  let refusal: unknown;
  try {
    const stream = await requestStream(`pack ${path}`, open, { signal });
    if (isDirectory(stream)) return stream;
    stream.destroy();
  } catch (error) {
    if (statusOf(error) === null) throw error;
    // The engine fails in the same way for some links in place of the directory and for its own errors, so check the path.
    refusal = error;
  }
  const kind = await kindOfPath(docker, sandbox, path, signal);
  if (kind === "directory")
    throw (
      refusal ??
      engineError(`pack ${path}`, new Error("the response has no valid X-Docker-Container-Path-Stat"))
    );
  throw new SlipwayError("build-failed", `the build must leave a directory at ${path}, but left ${kind}`, {
    cause: refusal,
  });
}

/** A header of the response has the mode of the first entry. */
function isDirectory({ headers }: IncomingMessage): boolean {
  const stat = Buffer.from(String(headers["x-docker-container-path-stat"]), "base64").toString("utf8");
  return Number(/"mode":(\d+)/.exec(stat)?.[1] ?? 0) >= directoryBit;
}

/**
 * Passes the bytes on. Fails when the stream ends before the archive does, because the engine reports a failure in no other
 * way, and with "build-disk-full" past `maxBytes`: sparse files use little disk space, but are sent with all their zeros.
 */
export async function* wholeTar(
  stream: Readable,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const abort = (): void => void stream.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  let tail: Uint8Array = Buffer.alloc(0);
  let receivedBytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      receivedBytes += chunk.length;
      if (receivedBytes > maxBytes) throw tooLarge(maxBytes);
      tail = lastBytes(tail, chunk);
      yield chunk;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw engineError("send the files", error);
  } finally {
    signal.removeEventListener("abort", abort);
    stream.destroy();
  }
  signal.throwIfAborted();
  if (tail.length < endOfTar.length || tail.some((byte) => byte !== 0)) {
    throw new SlipwayError(
      "engine-unavailable",
      "the Docker Engine ended the download before the end of the archive",
    );
  }
}

function tooLarge(maxBytes: number): SlipwayError {
  const limit = `${Math.floor(maxBytes / 1024 ** 2)} MiB`;
  return new SlipwayError(
    "build-disk-full",
    `the build left more than ${limit} of files, its disk limit; sparse files count with their full size`,
  );
}

function lastBytes(before: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (chunk.length >= endOfTar.length) return chunk.slice(-endOfTar.length);
  return Buffer.concat([before, chunk]).subarray(-endOfTar.length);
}

async function ensureDirectory(
  container: Docker.Container,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if (path === volumePath) return;
  try {
    await callEngine(`check ${path}`, (abortSignal) => container.infoArchive({ path, abortSignal }), {
      signal,
    });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const tar = await directoriesTar(path.slice(volumePath.length + 1), buildUserId);
    await callEngine(`create ${path}`, () => container.putArchive(tar, { path: volumePath }), { signal });
  }
}

/** @throws {SlipwayError} "internal" for an invalid path, which is a bug of the caller. */
function inVolume(path: string): string {
  const parts = path.split("/");
  const normalized = parts.slice(1).every((part) => part !== "" && part !== "." && part !== "..");
  if (parts[0] !== "" || `/${parts[1]}` !== volumePath || !normalized) {
    throw new SlipwayError("internal", `${path} is not a normalized path in ${volumePath}`);
  }
  return path;
}
