// Tar streams in and out of a sandbox's volume, at the pace of the slower side, ending at once when either side fails.

import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { type ByteStream, SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { ask, requestStream, engineError, statusOf } from "@slipway/docker";
import { kindOfPath } from "./path-kind.ts";
import { buildUserId, type SandboxContext, volumePath } from "./sandbox-config.ts";
import { directoriesTar } from "./tar-header.ts";

/** An archive of many gigabytes may take its time; one that takes longer than any build may is stuck. */
const transferLimitMs = 60 * 60_000;
/** A whole tar archive ends with two blocks of zeros. */
const endOfTarBytes = 1024;
/** In the modes that the engine tells, which are Go's. */
const directoryBit = 2 ** 31;

/**
 * Unpacks a tar below `path` in the volume, making the directories that lead there when they are missing.
 * @throws {SlipwayError} "engine-refused" when the engine answers, but does not unpack it; the tar's own error.
 */
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
    if (tarFailure !== undefined) throw tarFailure.error;
    // 404: the container is gone, which says nothing of the tar.
    if ([null, 404].includes(statusOf(error))) throw error;
    throw new SlipwayError("engine-refused", error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  } finally {
    source.destroy();
  }
}

/**
 * The tar stream of the directory at `path`. It is lazy, can be read once, and leaving it early closes it.
 * @throws {SlipwayError} "build-failed" when there is no directory at the path: only the build can have removed it.
 */
export async function downloadTar(
  docker: Docker,
  sandbox: SandboxContext,
  path: string,
  signal: AbortSignal,
): Promise<Readable> {
  const container = docker.getContainer(sandbox.id);
  const open = () =>
    container.getArchive({ path: inVolume(path) }) as Promise<unknown> as Promise<IncomingMessage>;
  let refusal: unknown;
  try {
    const stream = await requestStream(`pack ${path}`, open, { signal });
    if (isDirectory(stream)) return stream;
    stream.destroy();
  } catch (error) {
    if (statusOf(error) === null) throw error;
    // An engine fails for some links in the directory's place, as it does for faults of its own: so it is looked at.
    refusal = error;
  }
  const kind = await kindOfPath(docker, sandbox, path, signal);
  if (kind === "directory") throw refusal ?? engineError("say what it sends", new Error("no header does"));
  throw new SlipwayError("build-failed", `the build left ${kind} where its directory ${path} was`, {
    cause: refusal,
  });
}

/** The engine tells in a header what the first entry is. */
function isDirectory({ headers }: IncomingMessage): boolean {
  const stat = Buffer.from(String(headers["x-docker-container-path-stat"]), "base64").toString("utf8");
  return Number(/"mode":(\d+)/.exec(stat)?.[1] ?? 0) >= directoryBit;
}

/**
 * Passes the bytes on; rejects when the stream was cut before the archive's end, which the engine tells in no other way, and
 * with "build-disk-full" past `maxBytes`: files with holes take no room on the disk, but are sent with all their zeros.
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
      if (receivedBytes > maxBytes) throw tooMuch(maxBytes);
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

function tooMuch(maxBytes: number): SlipwayError {
  const limit = `${Math.floor(maxBytes / 1024 ** 2)} MiB`;
  return new SlipwayError(
    "build-disk-full",
    `the build left files of more than ${limit}, which is what it may write; files with holes count in full`,
  );
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
