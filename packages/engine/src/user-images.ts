// Images that an engine pulled because a user named them: marked by one of Slipway's own tags, and removed when there are too many.
//
// The engine records when an image was last tagged, and keeps the time across restarts. So each use tags the image again.

import type { UserImageLimits } from "@slipway/core";
import { callEngine, isPulledName, pulledTagRepository, pulledTag, statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { lastTaggedAt } from "./last-tagged.ts";

/** Maximum time between the check of a builder image and the container that uses it: the source is uploaded in between. */
const sparedMs = 10 * 60_000;

interface NotedImage {
  readonly id: string;
  readonly sizeBytes: number;
  readonly lastUsedAt: Date;
  /** Names to remove: the marking tag, and the name by which the image was pulled. */
  readonly names: readonly string[];
}

export interface UserImages {
  /** Marks an image as pulled for a user. Takes no signal: an image pulled by an aborted call would stay forever without the mark. */
  notePull(reference: string): Promise<void>;
  /** Records the use of an image that the engine already had. Images that were not pulled for a user are left alone. */
  noteUse(reference: string, signal: AbortSignal): Promise<void>;
  /** @see BuildEngine.pruneUserImages */
  prune(limits: UserImageLimits): Promise<void>;
}

/** @param now the clock of the engine's machine, to within ten minutes. */
export function openUserImages(docker: Docker, installationId: string, now: () => Date): UserImages {
  const repository = pulledTagRepository(installationId);
  const note = async (reference: string, signal?: AbortSignal) => {
    const name = { repo: repository, tag: pulledTag(reference) };
    await callEngine("tag an image", () => docker.getImage(reference).tag(name), { signal });
  };
  return {
    notePull: (reference) => note(reference),
    async noteUse(reference, signal) {
      if ((await imageId(docker, `${repository}:${pulledTag(reference)}`)) === null) return;
      await note(reference, signal);
    },
    async prune({ maxBytes, kept }) {
      const noted = await listNoted(docker, repository);
      if (noted.length === 0) return;
      const spared = new Set([
        ...(await Promise.all(kept.map((reference) => imageId(docker, reference)))),
        ...(await usedImages(docker)),
      ]);
      let sum = 0;
      for (const image of noted.toSorted((a, b) => b.lastUsedAt.getTime() - a.lastUsedAt.getTime())) {
        sum += image.sizeBytes;
        const isRecent = image.lastUsedAt.getTime() > now().getTime() - sparedMs;
        if (sum <= maxBytes || isRecent || spared.has(image.id)) continue;
        for (const name of image.names) await removeName(docker, name);
        sum -= image.sizeBytes;
      }
    },
  };
}

async function listNoted(docker: Docker, repository: string): Promise<readonly NotedImage[]> {
  const filters = { reference: [repository] };
  const list = (abortSignal: AbortSignal) => docker.listImages({ filters, abortSignal });
  const found = await callEngine("list images that were pulled for users", list);
  const noted = await Promise.all(
    found.map(async ({ Id: id, Size: sizeBytes }) => {
      const lastUsedAt = await lastTaggedAt(docker, id);
      return lastUsedAt === null
        ? []
        : [{ id, sizeBytes, lastUsedAt, names: await namesOf(docker, id, repository) }];
    }),
  );
  return noted.flat();
}

/** The engine lists only names that match its filter. */
async function namesOf(docker: Docker, id: string, repository: string): Promise<readonly string[]> {
  const { RepoTags, RepoDigests } = await callEngine("inspect an image", () => docker.getImage(id).inspect());
  const all = [...RepoTags, ...RepoDigests];
  const ours = all.filter((name) => isPulledName(repository, name, all));
  const isNote = (name: string) => name.startsWith(`${repository}:`);
  // The marking tag is last: while it exists, a later pass finds images that could not be removed.
  return [...ours.filter((name) => !isNote(name)), ...ours.filter(isNote)];
}

/** Ids of the images that containers use. */
async function usedImages(docker: Docker): Promise<readonly string[]> {
  const list = (abortSignal: AbortSignal) => docker.listContainers({ all: true, abortSignal });
  return (await callEngine("list containers", list)).map(({ ImageID }) => ImageID);
}

async function imageId(docker: Docker, reference: string): Promise<string | null> {
  try {
    return (await callEngine("look up an image", () => docker.getImage(reference).inspect())).Id;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** Removes the image when its last name is removed. Keeps it when a container has begun to use it, or another process removes it. */
async function removeName(docker: Docker, name: string): Promise<void> {
  try {
    await callEngine("remove an image", () => docker.getImage(name).remove());
  } catch (error) {
    // The engine answers 500 when another process removes the same image.
    const isGone = statusOf(error) === 500 && (await imageId(docker, name)) === null;
    if (!isGone && ![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}
