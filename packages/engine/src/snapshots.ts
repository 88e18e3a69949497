// Snapshots of sandboxes: images that exist on one engine only, for later builds of the same app.

import { label } from "@slipway/core";
import type { Labels, Snapshot, SnapshotName } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, statusOf } from "@slipway/docker";

/** Value of the label `kind`. */
const snapshotKind = "snapshot";
/** Time limit for committing a container: the engine copies its files. */
const commitLimitMs = 10 * 60_000;
const sizeLabel = "io.slipway.size-bytes";
const keyLabel = "io.slipway.snapshot-key";

export interface Snapshots {
  /** @see Sandbox.snapshot */
  create(containerId: string, name: SnapshotName, signal: AbortSignal): Promise<string>;
  /** @see BuildEngine.findSnapshot */
  find(name: SnapshotName, signal: AbortSignal): Promise<string | null>;
  /** @see BuildEngine.listSnapshots */
  list(): Promise<readonly Snapshot[]>;
  /** @see BuildEngine.removeSnapshot */
  remove(name: SnapshotName): Promise<void>;
}

export function openSnapshots(docker: Docker, installationId: string): Snapshots {
  const repositoryOf = ({ appId }: SnapshotName) => `slipway-${installationId}/snapshots/${appId}`;
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
    async create(containerId, name, signal) {
      const container = docker.getContainer(containerId);
      const sizeBytes = await writtenBytes(container, signal);
      const labels = snapshotLabels(installationId, name, sizeBytes);
      const options = {
        repo: repositoryOf(name),
        tag: tagOf(name),
        pause: false,
        changes: Object.entries(labels).map(([key, value]) => `LABEL "${key}"="${value}"`),
      };
      const commit = (abortSignal: AbortSignal) => container.commit({ ...options, abortSignal });
      await callEngine("commit a snapshot", commit, { signal, limitMs: commitLimitMs });
      return imageOf(name);
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
      try {
        await callEngine("remove a snapshot", () => docker.getImage(imageOf(name)).remove());
      } catch (error) {
        if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
      }
    },
  };
}

/** Whether the reference of an image is one of a snapshot. */
export function isSnapshot(image: string): boolean {
  return /^slipway-[^/]+\/snapshots\//.test(image);
}

/** The labels of the sandbox are inherited, so those that say another thing of a snapshot are set. */
function snapshotLabels(installationId: string, name: SnapshotName, sizeBytes: number): Labels {
  return {
    [label.installation]: installationId,
    [label.kind]: snapshotKind,
    [label.app]: name.appId,
    [label.cacheVersion]: String(name.cacheVersion),
    [label.deployment]: "",
    [label.attempt]: "",
    [keyLabel]: name.key,
    [sizeLabel]: String(sizeBytes),
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
