// Images of an engine: pulls missing images, once for concurrent callers; lists and removes images.

import type { Readable } from "node:stream";
import { untilAborted } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, requestStream, engineError, statusOf } from "./client.ts";
import { followPull, PullError, stallLimitMs } from "./pull-progress.ts";
import { loginFor, type RegistryAuth } from "./registry-login.ts";

export interface PullOptions {
  /** Called before a pull; its error prevents the pull. */
  readonly beforePull?: () => Promise<void>;
  /** Called after the image was pulled, even if the caller's signal has aborted. `ensure` rejects with its error. */
  readonly afterPull?: () => Promise<void>;
  /** Maximum size of the download. Default: no limit. */
  readonly maxBytes?: number;
}

export interface Images {
  /**
   * Pulls the image unless the engine has it.
   * @returns whether it was pulled.
   * @throws {SlipwayError} "registry-unavailable" when it cannot be pulled, "build-failed" when it is larger than `maxBytes`,
   * "engine-unavailable".
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
 * @param registryAuth login for images of its registry only.
 */
export function openImages(docker: Docker, registryAuth?: RegistryAuth): Images {
  const pulls = new Map<string, Promise<void>>();
  const pullOnce = (reference: string, maxBytes: number): Promise<void> => {
    // A pull with a limit must not end a pull without one.
    const key = `${reference} ${maxBytes}`;
    const running = pulls.get(key);
    if (running !== undefined) return running;
    const pulled = pull(docker, { reference, maxBytes, registryAuth }).finally(() => pulls.delete(key));
    pulls.set(key, pulled);
    return pulled;
  };
  return {
    ensure: async (reference, signal, { beforePull, afterPull, maxBytes = Infinity } = {}) => {
      if (await isPresent(docker, reference, signal)) return false;
      await beforePull?.();
      signal.throwIfAborted();
      // An abort ends only the caller's wait, because other callers may share the pull.
      await untilAborted(
        pullOnce(reference, maxBytes).then(() => afterPull?.()),
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

interface Pull {
  readonly reference: string;
  readonly maxBytes: number;
  readonly registryAuth: RegistryAuth | undefined;
}

async function pull(docker: Docker, { reference, maxBytes, registryAuth }: Pull): Promise<void> {
  const authconfig = loginFor(reference, registryAuth);
  try {
    const begin = (): Promise<Readable> =>
      docker.pull(reference, authconfig === undefined ? {} : { authconfig }) as Promise<Readable>;
    const progress = await requestStream(`pull ${reference}`, begin, { limitMs: stallLimitMs });
    await followPull(reference, progress, maxBytes);
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "build-failed") throw error;
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
