// Tar streams in and out of a sandbox's volume, at the pace of the slower side, ending at once when either side fails.

import { Readable } from "node:stream";
import { type ByteStream, notFound, SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { ask, requestStream, engineError, statusOf } from "@slipway/docker";
import { buildUserId, volumePath } from "./sandbox-config.ts";
import { directoriesTar } from "./tar-header.ts";

/** An archive of many gigabytes may take its time; one that takes longer than any build may is stuck. */
const transferLimitMs = 60 * 60_000;
/** A whole tar archive ends with two blocks of zeros. */
const endOfTarBytes = 1024;

/** Unpacks a tar below `path` in the volume, making the directories that lead there when they are missing. */
export async function uploadTar(
  container: Docker.Container,
  path: string,
  tar: ByteStream,
  signal: AbortSignal,
): Promise<void> {
  await ensureDirectory(container, inVolume(path), signal);
  // What goes wrong on the tar's side is told as it is, not as the broken request that it causes.
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
    await ask(`unpack into ${path}`, put, { signal, limitMs: transferLimitMs });
  } catch (error) {
    throw tarFailure === undefined ? error : tarFailure.error;
  } finally {
    source.destroy();
  }
}

/**
 * The tar stream of what lies at `path`. It is lazy, can be read once, and leaving it early closes it.
 * @throws {SlipwayError} "not-found" when there is nothing at the path.
 */
export async function downloadTar(
  container: Docker.Container,
  path: string,
  signal: AbortSignal,
): Promise<Readable> {
  const open = (): Promise<Readable> => container.getArchive({ path: inVolume(path) }) as Promise<Readable>;
  try {
    return await requestStream(`pack ${path}`, open, { signal });
  } catch (error) {
    if (statusOf(error) === 404) throw notFound(path);
    throw error;
  }
}

/** Passes the bytes on; rejects when the stream was cut before the archive's end, which the engine tells in no other way. */
export async function* wholeTar(stream: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const abort = (): void => void stream.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  let tail: Uint8Array = Buffer.alloc(0);
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
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
  if (tail.length < endOfTarBytes || tail.some((byte) => byte !== 0)) {
    throw new SlipwayError("engine-unavailable", "the Docker Engine cut the files short");
  }
}

function lastBytes(before: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (chunk.length >= endOfTarBytes) return chunk.slice(-endOfTarBytes);
  return Buffer.concat([before, chunk]).subarray(-endOfTarBytes);
}

async function ensureDirectory(
  container: Docker.Container,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if (path === volumePath) return;
  try {
    await ask(`look at ${path}`, (abortSignal) => container.infoArchive({ path, abortSignal }), { signal });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const tar = Buffer.from(directoriesTar(path.slice(volumePath.length + 1), buildUserId));
    await ask(`make ${path}`, () => container.putArchive(tar, { path: volumePath }), { signal });
  }
}

/** A wrong path is a mistake in the caller, not in what a user sent. */
function inVolume(path: string): string {
  const parts = path.split("/");
  const plain = parts.slice(1).every((part) => part !== "" && part !== "." && part !== "..");
  if (parts[0] !== "" || `/${parts[1]}` !== volumePath || !plain) {
    throw new SlipwayError("internal", `${path} is not a plain path in ${volumePath}`);
  }
  return path;
}
