// Snapshots of sandboxes: images that exist on one engine only, for later builds of the same app.

import { label, notFound } from "@slipway/core";
import type { Labels, Snapshot, SnapshotName } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, statusOf } from "@slipway/docker";
import { tooLarge } from "./transfer.ts";

/** Value of the label `kind`. */
const snapshotKind = "snapshot";
/** Time limit for committing a container: the engine copies its files. */
const commitLimitMs = 10 * 60_000;
const sizeLabel = "io.slipway.size-bytes";
const keyLabel = "io.slipway.snapshot-key";

export interface Snapshots {
  /** @see Sandbox.snapshot */
  create(sandbox: SnapshotSource, name: SnapshotName, signal: AbortSignal): Promise<string>;
  /**
   * Variables that a container of the image would inherit from the sandbox of the snapshot; null when the image is no snapshot.
   * @throws {SlipwayError} "not-found" when the snapshot does not exist.
   */
  inheritedVariables(image: string, signal: AbortSignal): Promise<readonly string[] | null>;
  /** @see BuildEngine.findSnapshot */
  find(name: SnapshotName, signal: AbortSignal): Promise<string | null>;
  /** @see BuildEngine.listSnapshots */
  list(): Promise<readonly Snapshot[]>;
  /** @see BuildEngine.removeSnapshot */
  remove(name: SnapshotName): Promise<void>;
}

/** The sandbox that a snapshot is made of. */
interface SnapshotSource {
  readonly id: string;
  /** Names of the variables that it was created with. */
  readonly variables: readonly string[];
  readonly diskBytes: number;
}

export function openSnapshots(docker: Docker, installationId: string): Snapshots {
  const prefix = `slipway-${installationId}/snapshots/`;
  const repositoryOf = ({ appId }: SnapshotName) => `${prefix}${appId}`;
  const tagOf = ({ cacheVersion, key }: SnapshotName) => `${cacheVersion}-${key}`;
  const imageOf = (name: SnapshotName) => `${repositoryOf(name)}:${tagOf(name)}`;
  /** The engine notes when an image was last tagged, and keeps that over its restarts. */
  const tag = (name: SnapshotName, signal?: AbortSignal) =>
    callEngine(
      "tag a snapshot",
      (abortSignal) =>
        docker.getImage(imageOf(name)).tag({ repo: repositoryOf(name), tag: tagOf(name), abortSignal }),
      { signal },
    );
  return {
    async create({ id, variables, diskBytes }, name, signal) {
      const container = docker.getContainer(id);
      const sizeBytes = await writtenBytes(container, signal);
      // A commit writes the zeros of sparse files to the engine's disk.
      if (sizeBytes > diskBytes) throw tooLarge(diskBytes);
      const labels = snapshotLabels(installationId, name, sizeBytes);
      const options = {
        repo: repositoryOf(name),
        tag: tagOf(name),
        pause: false,
        changes: [
          ...Object.entries(labels).map(([key, value]) => `LABEL "${key}"="${value}"`),
          // The engine copies the container's environment into the image, and changes can only make a variable empty.
          ...variables.map((variable) => `ENV ${variable}=""`),
        ],
      };
      const commit = (abortSignal: AbortSignal) => container.commit({ ...options, abortSignal });
      await callEngine("commit a snapshot", commit, { signal, limitMs: commitLimitMs });
      await removeReplaced(docker, nameLabels(installationId, name));
      return imageOf(name);
    },
    async inheritedVariables(image, signal) {
      if (!image.startsWith(prefix)) return null;
      try {
        const request = () => docker.getImage(image).inspect();
        const { Config } = await callEngine("look up a snapshot", request, { signal });
        return (Config.Env ?? []).flatMap((variable) =>
          variable.endsWith("=") ? variable.slice(0, -1) : [],
        );
      } catch (error) {
        throw statusOf(error) === 404 ? notFound("snapshot") : error;
      }
    },
    async find(name, signal) {
      try {
        await tag(name, signal);
        return imageOf(name);
      } catch (error) {
        if (statusOf(error) === 404) return null;
        throw error;
      }
    },
    async list() {
      const labels = { [label.installation]: installationId, [label.kind]: snapshotKind };
      const filters = { label: Object.entries(labels).map(([key, value]) => `${key}=${value}`) };
      const images = await callEngine("list snapshots", (abortSignal) =>
        docker.listImages({ filters, abortSignal }),
      );
      const found: Snapshot[] = [];
      for (const { Id, Labels } of images) {
        const lastUsedAt = await lastTaggedAt(docker, Id);
        const name = nameIn(Labels);
        if (lastUsedAt === null || name === null) continue;
        found.push({ ...name, image: imageOf(name), sizeBytes: Number(Labels[sizeLabel] ?? 0), lastUsedAt });
      }
      return found;
    },
    async remove(name) {
      await removeImage(docker, imageOf(name));
      await removeReplaced(docker, nameLabels(installationId, name));
    },
  };
}

/** Removes the images without a name that had the snapshot's name before. Those that a container uses are removed later. */
async function removeReplaced(docker: Docker, labels: Labels): Promise<void> {
  const filters = {
    dangling: ["true"],
    label: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
  };
  const replaced = await callEngine("list replaced snapshots", (abortSignal) =>
    docker.listImages({ filters, abortSignal }),
  );
  for (const { Id } of replaced) await removeImage(docker, Id);
}

async function removeImage(docker: Docker, image: string): Promise<void> {
  try {
    await callEngine("remove a snapshot", () => docker.getImage(image).remove());
  } catch (error) {
    // The engine answers 500 when another process removes the same image.
    const isGone = statusOf(error) === 500 && (await lastTaggedAt(docker, image)) === null;
    if (!isGone && ![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}

/** The labels of the sandbox are inherited, so those that say another thing of a snapshot are set. */
function snapshotLabels(installationId: string, name: SnapshotName, sizeBytes: number): Labels {
  return {
    ...nameLabels(installationId, name),
    [label.deployment]: "",
    [label.attempt]: "",
    [sizeLabel]: String(sizeBytes),
  };
}

/** The labels that identify a snapshot. */
function nameLabels(installationId: string, { appId, cacheVersion, key }: SnapshotName): Labels {
  return {
    [label.installation]: installationId,
    [label.kind]: snapshotKind,
    [label.app]: appId,
    [label.cacheVersion]: String(cacheVersion),
    [keyLabel]: key,
  };
}

function nameIn(labels: Labels): SnapshotName | null {
  const { [label.app]: appId, [label.cacheVersion]: cacheVersion, [keyLabel]: key } = labels;
  if (appId === undefined || cacheVersion === undefined || key === undefined) return null;
  return { appId, cacheVersion: Number(cacheVersion), key };
}

async function writtenBytes(container: Docker.Container, signal: AbortSignal): Promise<number> {
  // The types do not know the option.
  const options: Docker.ContainerInspectOptions & { readonly size: true } = { size: true };
  const request = (abortSignal: AbortSignal) => container.inspect({ ...options, abortSignal });
  const found = await callEngine("measure the build's files", request, { signal });
  const { SizeRw = 0 }: typeof found & { readonly SizeRw?: number } = found;
  return SizeRw;
}

/** @returns null when the image was removed meanwhile. */
async function lastTaggedAt(docker: Docker, id: string): Promise<Date | null> {
  try {
    const found: ImageTimes = await callEngine("inspect a snapshot", () => docker.getImage(id).inspect());
    const { Created, Metadata } = found;
    const tagged = new Date(Metadata?.LastTagTime ?? "");
    return Number.isNaN(tagged.getTime()) || tagged.getTime() < 0 ? new Date(Created) : tagged;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** The fields read from the engine's `GET /images/{id}/json`. */
interface ImageTimes {
  readonly Created: string;
  readonly Metadata?: { readonly LastTagTime?: string };
}
