// Images the engine must have before a container can be made: looked up, else pulled, once however many ask.

import type { Readable } from "node:stream";
import { untilAborted } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { ask, requestStream, engineError, statusOf } from "./client.ts";

/** A pull that says nothing for so long is given up. */
const stallLimitMs = 300_000;

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  /** `host:port` of the registry. */
  readonly serverAddress: string;
}

export interface Images {
  /**
   * Resolves when the engine has the image.
   * @throws {SlipwayError} "registry-unavailable" when it cannot be pulled, "engine-unavailable".
   */
  ensure(reference: string, signal: AbortSignal): Promise<void>;
  /**
   * Digests of the repository's images that the engine has.
   * @param repository with the registry's host before it.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted.
   */
  digests(repository: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Removes an image by digest. One that a container still uses stays, and one that is not there is fine.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted: the engine may remove it all the same.
   */
  remove(repository: string, digest: string, signal: AbortSignal): Promise<void>;
}

/** Registries on a loopback address are spoken to over plain HTTP, by the engine's own rule. */
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
    ensure: async (reference, signal) => {
      if (await isPresent(docker, reference, signal)) return;
      // One caller's abort ends its waiting, not the pull that others may share.
      await untilAborted(pullOnce(reference), signal);
    },
    digests: async (repository, signal) => {
      const filters = { reference: [repository] };
      const list = (abortSignal: AbortSignal) => docker.listImages({ filters, abortSignal });
      const found = await ask("list images", list, { signal });
      const references = found.flatMap(({ RepoDigests: named }) => named ?? []);
      const named = references.map((reference) => reference.split("@"));
      return named.flatMap(([name, digest]) => (name === repository && digest !== undefined ? [digest] : []));
    },
    remove: (repository, digest, signal) => remove(docker, `${repository}@${digest}`, signal),
  };
}

async function remove(docker: Docker, reference: string, signal: AbortSignal): Promise<void> {
  try {
    const request = (abortSignal: AbortSignal) => docker.getImage(reference).remove({ abortSignal });
    await ask("remove an image", request, { signal });
  } catch (error) {
    const status = statusOf(error);
    if (status !== 404 && status !== 409) throw error;
  }
}

async function isPresent(docker: Docker, reference: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await ask("look up an image", () => docker.getImage(reference).inspect(), {
      signal,
    });
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

async function pull(docker: Docker, reference: string, auth: RegistryAuth | undefined): Promise<void> {
  const authconfig = auth && {
    username: auth.username,
    password: auth.password,
    serveraddress: auth.serverAddress,
  };
  try {
    const begin = (): Promise<Readable> =>
      docker.pull(reference, authconfig ? { authconfig } : {}) as Promise<Readable>;
    await followPull(await requestStream(`pull ${reference}`, begin, { limitMs: stallLimitMs }));
  } catch (error) {
    if (statusOf(error) === null && !(error instanceof PullRefused))
      throw engineError(`pull ${reference}`, error);
    const answer = error instanceof SlipwayError ? error.cause : error;
    const reason = answer instanceof Error ? answer.message.trim() : String(answer);
    throw new SlipwayError("registry-unavailable", `the image ${reference} cannot be pulled: ${reason}`, {
      cause: error,
    });
  }
  // The progress also ends, with no word, when the engine does.
  if (!(await isPresent(docker, reference))) {
    throw new SlipwayError("registry-unavailable", `the image ${reference} is not there after its pull`);
  }
}

class PullRefused extends Error {}

async function followPull(progress: Readable): Promise<void> {
  using stalled = setTimeout(() => progress.destroy(new Error("the pull makes no progress")), stallLimitMs);
  try {
    let rest = "";
    for await (const chunk of progress) {
      stalled.refresh();
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(refuseError);
    }
  } finally {
    progress.destroy();
  }
}

function refuseError(line: string): void {
  if (line.trim() === "") return;
  const message = JSON.parse(line) as { error?: string };
  if (message.error !== undefined) throw new PullRefused(message.error);
}
