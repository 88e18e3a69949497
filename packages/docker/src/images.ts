// Images of an engine: pulled when missing, once for concurrent callers; listed and removed.

import type { Readable } from "node:stream";
import { untilAborted } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, requestStream, engineError, statusOf } from "./client.ts";
import { loginFor, type RegistryAuth } from "./registry-login.ts";

/** A pull that reports no progress for this time fails. */
const stallLimitMs = 300_000;

export interface PullOptions {
  /** Called before a pull; its error prevents it. */
  readonly beforePull?: () => Promise<void>;
  /** Called when the image was pulled, also if the caller's signal has aborted meanwhile. Its error is the one of `ensure`. */
  readonly afterPull?: () => Promise<void>;
}

export interface Images {
  /**
   * Pulls the image unless the engine has it.
   * @returns whether it was pulled.
   * @throws {SlipwayError} "registry-unavailable" when it cannot be pulled, "engine-unavailable".
   */
  ensure(reference: string, signal: AbortSignal, options?: PullOptions): Promise<boolean>;
  /**
   * Digests of the repository's images that the engine has.
   * @param repository including the registry's host.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted.
   */
  digests(repository: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Removes an image by digest. Does nothing when a container uses the image, or when it does not exist.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted, although the engine may still remove it.
   */
  remove(repository: string, digest: string, signal: AbortSignal): Promise<void>;
}

/**
 * The engine uses plain HTTP for registries on loopback addresses.
 * @param registryAuth only images of its registry are pulled with it.
 */
export function openImages(docker: Docker, registryAuth?: RegistryAuth): Images {
  const pulls = new Map<string, Promise<void>>();
  const pullOnce = (reference: string): Promise<void> => {
    const running = pulls.get(reference);
    if (running !== undefined) return running;
    const pulled = pull(docker, reference, registryAuth).finally(() => pulls.delete(reference));
    pulls.set(reference, pulled);
    return pulled;
  };
  return {
    ensure: async (reference, signal, { beforePull, afterPull } = {}) => {
      if (await isPresent(docker, reference, signal)) return false;
      await beforePull?.();
      signal.throwIfAborted();
      // An abort ends only the caller's wait, because other callers may share the pull.
      await untilAborted(
        pullOnce(reference).then(() => afterPull?.()),
        signal,
      );
      return true;
    },
    digests: async (repository, signal) => {
      const filters = { reference: [repository] };
      const list = (abortSignal: AbortSignal) => docker.listImages({ filters, abortSignal });
      const found = await callEngine("list images", list, { signal });
      const references = found.flatMap(({ RepoDigests }) => RepoDigests ?? []);
      const parts = references.map((reference) => reference.split("@"));
      return parts.flatMap(([name, digest]) => (name === repository && digest !== undefined ? [digest] : []));
    },
    remove: (repository, digest, signal) => remove(docker, `${repository}@${digest}`, signal),
  };
}

async function remove(docker: Docker, reference: string, signal: AbortSignal): Promise<void> {
  try {
    const request = (abortSignal: AbortSignal) => docker.getImage(reference).remove({ abortSignal });
    await callEngine("remove an image", request, { signal });
  } catch (error) {
    const status = statusOf(error);
    if (status !== 404 && status !== 409) throw error;
  }
}

async function isPresent(docker: Docker, reference: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await callEngine("look up an image", () => docker.getImage(reference).inspect(), {
      signal,
    });
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

async function pull(docker: Docker, reference: string, auth: RegistryAuth | undefined): Promise<void> {
  const authconfig = loginFor(reference, auth);
  try {
    const begin = (): Promise<Readable> =>
      docker.pull(reference, authconfig === undefined ? {} : { authconfig }) as Promise<Readable>;
    await followPull(await requestStream(`pull ${reference}`, begin, { limitMs: stallLimitMs }));
  } catch (error) {
    if (statusOf(error) === null && !(error instanceof PullError))
      throw engineError(`pull ${reference}`, error);
    const failure = error instanceof SlipwayError ? error.cause : error;
    const reason = failure instanceof Error ? failure.message.trim() : String(failure);
    throw new SlipwayError("registry-unavailable", `the image ${reference} cannot be pulled: ${reason}`, {
      cause: error,
    });
  }
  // The progress stream also ends without an error when the engine stops.
  if (!(await isPresent(docker, reference))) {
    throw new SlipwayError(
      "registry-unavailable",
      `the image ${reference} is missing after its pull; the engine may have stopped`,
    );
  }
}

class PullError extends Error {}

async function followPull(progress: Readable): Promise<void> {
  using stalled = setTimeout(
    () => progress.destroy(new Error(`the pull made no progress for ${stallLimitMs / 1000} s`)),
    stallLimitMs,
  );
  try {
    let partialLine = "";
    for await (const chunk of progress) {
      stalled.refresh();
      const lines = (partialLine + String(chunk)).split("\n");
      partialLine = lines.pop() ?? "";
      lines.forEach(checkProgress);
    }
  } finally {
    progress.destroy();
  }
}

/** @throws {PullError} when the line of the progress stream reports an error. */
function checkProgress(line: string): void {
  if (line.trim() === "") return;
  const message = JSON.parse(line) as { error?: string };
  if (message.error !== undefined) throw new PullError(message.error);
}
