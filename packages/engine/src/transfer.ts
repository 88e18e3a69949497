// Streams tars in and out of a sandbox, with backpressure. A failure of either side ends the transfer immediately.

import { Readable } from "node:stream";
import { type ByteStream, SlipwayError, mebibytesText } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, engineError, requestStream, responseOf, statusOf } from "@slipway/docker";
import { endOfTar } from "@slipway/tar";
import { directoriesTar } from "./directories-tar.ts";
import { isDirectory, kindOfPath, modeIn } from "./path-kind.ts";
import { buildUserId, workPath } from "./sandbox-config.ts";

/** Long enough for archives of many gigabytes, and longer than any build may take. */
const transferLimitMs = 60 * 60_000;
/** Time limit for packing all files of one download: the engine packs some thousand files per second. */
const maxPackingMs = 10 * 60_000;
/** An engine that sends nothing for this long counts as unresponsive. */
const maxSilenceMs = 120_000;

/**
 * Unpacks a tar below `path`, creating missing parent directories.
 * @throws {SlipwayError} "engine-refused" when the engine rejects the tar; the tar stream's own error.
 */
export async function uploadTar(
  container: Docker.Container,
  path: string,
  tar: ByteStream,
  signal: AbortSignal,
): Promise<void> {
  if (path !== "/") await ensureDirectory(container, belowWork(path), signal);
  // The tar stream's failure is reported instead of the broken request that it causes.
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
 * Opens the tar stream of the directory at `path`. It is lazy and can be read once; stopping early closes it.
 * @throws {SlipwayError} "build-failed" when the path is not a directory, because only the build can have removed it.
 */
export async function downloadTar(
  container: Docker.Container,
  path: string,
  signal: AbortSignal,
): Promise<Readable> {
  const open = async () => responseOf(await container.getArchive({ path: belowWork(path) }));
  let refusal: unknown;
  try {
    const stream = await requestStream(`pack ${path}`, open, { signal });
    // The headers contain the mode of the first entry.
    if (isDirectory(modeIn(stream.headers))) return stream;
    stream.destroy();
  } catch (error) {
    if (statusOf(error) === null) throw error;
    // The engine fails in the same way for some links in place of the directory and for its own errors, so the path is checked.
    refusal = error;
  }
  const kind = await kindOfPath(container, path, signal);
  if (kind === "directory") throw refusal ?? engineError(`pack ${path}`, new Error("it sent no directory"));
  throw new SlipwayError("build-failed", `the build must leave a directory at ${path}, but left ${kind}`, {
    cause: refusal,
  });
}

export interface DownloadLimits {
  readonly maxBytes: number;
  /** Maximum total time spent waiting for the engine. */
  readonly maxWaitMs?: number;
}

/**
 * Passes the bytes on. Fails when the stream ends before the archive does, because the engine reports failures in no other
 * way; with "build-disk-full" above `maxBytes`, since sparse files use little disk space but are sent with all their zeros; and with
 * "build-failed" when the engine takes too long to pack the files.
 */
export async function* wholeTar(
  stream: Readable,
  { maxBytes, maxWaitMs = maxPackingMs, signal }: DownloadLimits & { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const abort = (): void => void stream.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  let tail: Uint8Array = Buffer.alloc(0);
  let receivedBytes = 0;
  try {
    for await (const chunk of withinWait(stream, maxWaitMs)) {
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

/** Counts only the time until each chunk arrives, so that a slow reader does not count as a slow engine. */
async function* withinWait(stream: Readable, maxWaitMs: number): AsyncGenerator<Uint8Array> {
  const chunks = (stream as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  let leftMs = maxWaitMs;
  for (;;) {
    const begunAt = performance.now();
    const timer =
      leftMs < maxSilenceMs
        ? setTimeout(() => stream.destroy(tooSlow(maxWaitMs)), leftMs)
        : setTimeout(() => stream.destroy(new Error("it sent nothing for a while")), maxSilenceMs);
    const next = await chunks.next().finally(() => clearTimeout(timer));
    if (next.done === true) return;
    leftMs = Math.max(0, leftMs - (performance.now() - begunAt));
    yield next.value;
  }
}

function tooSlow(maxWaitMs: number): SlipwayError {
  const minutes = `${Math.ceil(maxWaitMs / 60_000)} minutes`;
  return new SlipwayError(
    "build-failed",
    `reading the files that the build left took longer than ${minutes}: leave fewer of them`,
  );
}

/** @returns the error for files that take too much space outside of the sandbox. */
export function tooLarge(maxBytes: number): SlipwayError {
  const limit = mebibytesText(maxBytes);
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
  if (path === workPath) return;
  try {
    await callEngine(`check ${path}`, (abortSignal) => container.infoArchive({ path, abortSignal }), {
      signal,
    });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const tar = await directoriesTar(path.slice(workPath.length + 1), buildUserId);
    await callEngine(`create ${path}`, () => container.putArchive(tar, { path: workPath }), { signal });
  }
}

/** @throws {SlipwayError} "internal" for an invalid path, which is a bug in the caller. */
export function belowWork(path: string): string {
  const parts = path.split("/");
  const normalized = parts.slice(1).every((part) => part !== "" && part !== "." && part !== "..");
  if (parts[0] !== "" || `/${parts[1]}` !== workPath || !normalized) {
    throw new SlipwayError("internal", `${path} is not a normalized path in ${workPath}`);
  }
  return path;
}
