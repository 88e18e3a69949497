// Images that an engine pulled because a user named them: noted by a tag of Slipway's own, and removed when they are too many.
//
// The engine notes when an image was last tagged, and keeps that over its restarts. So each use tags the image again.

import type { UserImageLimits } from "@slipway/core";
import { callEngine, isPulledName, noteRepository, noteTag, statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { lastTaggedAt } from "./last-tagged.ts";

/** From the check of a builder image to the container that uses it passes the upload of the source at most. */
const sparedMs = 10 * 60_000;

interface NotedImage {
  readonly id: string;
  readonly sizeBytes: number;
  readonly lastUsedAt: Date;
  /** Names to remove: that of the note, and the one that the image was pulled by. */
  readonly names: readonly string[];
}

export interface UserImages {
  /** Notes an image that was pulled for a user. Takes no signal: without the note, an image that an aborted call pulled would stay. */
  notePull(reference: string): Promise<void>;
  /** Notes the use of an image that the engine had. One that was not pulled for a user is left alone. */
  noteUse(reference: string, signal: AbortSignal): Promise<void>;
  /** @see BuildEngine.pruneUserImages */
  prune(limits: UserImageLimits): Promise<void>;
}

/** @param now the clock of the engine's machine, as far as ten minutes matter. */
export function openUserImages(docker: Docker, installationId: string, now: () => Date): UserImages {
  const repository = noteRepository(installationId);
  const note = async (reference: string, signal?: AbortSignal) => {
    const name = { repo: repository, tag: noteTag(reference) };
    await callEngine("tag an image", () => docker.getImage(reference).tag(name), { signal });
  };
  return {
    notePull: (reference) => note(reference),
    async noteUse(reference, signal) {
      if ((await imageId(docker, `${repository}:${noteTag(reference)}`)) === null) return;
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

/** The engine lists only the names that match its filter. */
async function namesOf(docker: Docker, id: string, repository: string): Promise<readonly string[]> {
  const { RepoTags, RepoDigests } = await callEngine("inspect an image", () => docker.getImage(id).inspect());
  const all = [...RepoTags, ...RepoDigests];
  const ours = all.filter((name) => isPulledName(repository, name, all));
  const isNote = (name: string) => name.startsWith(`${repository}:`);
  // The note last: with it, a later sweep finds what could not be removed.
  return [...ours.filter((name) => !isNote(name)), ...ours.filter(isNote)];
}

/** Ids of the images of all containers. */
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

/** Removes the image with its last name. Keeps it when a container has begun to use it, or another process removes it. */
async function removeName(docker: Docker, name: string): Promise<void> {
  try {
    await callEngine("remove an image", () => docker.getImage(name).remove());
  } catch (error) {
    // The engine answers 500 when another process removes the same image.
    const isGone = statusOf(error) === 500 && (await imageId(docker, name)) === null;
    if (!isGone && ![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}
