// Makes /work belong to the build's user. In the stack it does; operators' images may have no /work, or one owned by root.

import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { callEngine, engineError, requestStream, statusOf } from "@slipway/docker";
import { readEntries } from "@slipway/tar";
import { directoriesTar } from "./directories-tar.ts";
import { buildUserId, workPath } from "./sandbox-config.ts";

export interface WorkFolders {
  /** Call it for a created container before its first upload. The result for an image is reused for all its containers. */
  prepare(container: Docker.Container, image: string, signal: AbortSignal): Promise<void>;
}

export function openWorkFolders(): WorkFolders {
  const prepared = new Set<string>();
  return {
    async prepare(container, image, signal) {
      if (prepared.has(image)) return;
      if ((await ownerOf(container, signal)) === buildUserId) {
        prepared.add(image);
        return;
      }
      const folder = await directoriesTar(workPath.slice(1), buildUserId);
      const put = (abortSignal: AbortSignal) => container.putArchive(folder, { path: "/", abortSignal });
      await callEngine(`create ${workPath}`, put, { signal });
    },
  };
}

/** @returns the owner's numeric id; null when there is no folder. Reads only the first entry of the tar. */
async function ownerOf(container: Docker.Container, signal: AbortSignal): Promise<number | null> {
  const open = (): Promise<Readable> => container.getArchive({ path: workPath }) as Promise<Readable>;
  const action = `read the owner of ${workPath}`;
  try {
    const archive = await requestStream(action, open, { signal });
    for await (const { kind, uid } of readEntries(archive, {})) return kind === "directory" ? uid : null;
    return null;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw engineError(action, error);
  }
}
