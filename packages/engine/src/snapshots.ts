// Snapshots of sandboxes: images that exist on one engine only, for later builds of the same app.

import { label, notFound, snapshotKind } from "@slipway/core";
import type { Labels, Snapshot, SnapshotName } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, statusOf, writtenBytes } from "@slipway/docker";
import { lastTaggedAt } from "./last-tagged.ts";
import { tooLarge } from "./transfer.ts";

/** Time limit for committing a container: the engine copies its files. */
const commitLimitMs = 10 * 60_000;
const keyLabel = "io.slipway.snapshot-key";

export interface Snapshots {
  /** @see Sandbox.snapshot */
  create(sandbox: SnapshotSource, name: SnapshotName, signal: AbortSignal): Promise<string>;
  /**
   * Variables that a container of the image would inherit from the snapshot's sandbox; null when the image is not a snapshot.
   * @throws {SlipwayError} "not-found" when the snapshot does not exist.
   */
  inheritedVariables(image: string, signal: AbortSignal): Promise<readonly string[] | null>;
  /** @see BuildEngine.findSnapshot */
  find(name: SnapshotName, signal: AbortSignal): Promise<string | null>;
  /** @see BuildEngine.listSnapshots */
  list(): Promise<readonly Snapshot[]>;
  /** @see BuildEngine.snapshotLastUsedAt */
  lastUsedAt(name: SnapshotName): Promise<Date | null>;
  /** @see BuildEngine.removeSnapshot */
  remove(name: SnapshotName): Promise<void>;
}

/** The sandbox from which a snapshot is created. */
interface SnapshotSource {
  readonly id: string;
  /** Names of the variables with which it was created. */
  readonly variables: readonly string[];
  readonly diskBytes: number;
}

export function openSnapshots(docker: Docker, installationId: string): Snapshots {
  const engine = { docker, installationId };
  return {
    create: (sandbox, name, signal) => create(engine, sandbox, name, signal),
    inheritedVariables: (image, signal) => inheritedVariables(engine, image, signal),
    find: (name, signal) => find(engine, name, signal),
    list: () => list(engine),
    lastUsedAt: (name) => lastTaggedAt(docker, imageOf(engine, name)),
    async remove(name) {
      await removeImage(docker, imageOf(engine, name));
      await removeReplaced(docker, nameLabels(installationId, name));
    },
  };
}

interface Engine {
  readonly docker: Docker;
  readonly installationId: string;
}

function prefixOf({ installationId }: Engine): string {
  return `slipway-${installationId}/snapshots/`;
}

function referenceOf(engine: Engine, { appId, cacheVersion, key }: SnapshotName) {
  return { repo: `${prefixOf(engine)}${appId}`, tag: `${cacheVersion}-${key}` };
}

function imageOf(engine: Engine, name: SnapshotName): string {
  const { repo, tag } = referenceOf(engine, name);
  return `${repo}:${tag}`;
}

async function create(
  engine: Engine,
  { id, variables, diskBytes }: SnapshotSource,
  name: SnapshotName,
  signal: AbortSignal,
): Promise<string> {
  const { docker, installationId } = engine;
  const container = docker.getContainer(id);
  const sizeBytes = await writtenBytes(docker, id, { signal });
  // A commit writes the zeros of sparse files to the engine's disk.
  if (sizeBytes > diskBytes) throw tooLarge(diskBytes);
  const labels = Object.entries(snapshotLabels(installationId, name, sizeBytes));
  const changes = [
    ...labels.map(([key, value]) => `LABEL "${key}"="${value}"`),
    // The engine copies the container's environment into the image, and a change can only set a variable to an empty value.
    ...variables.map((variable) => `ENV ${variable}=""`),
  ];
  const options = { ...referenceOf(engine, name), pause: false, changes };
  const commit = (abortSignal: AbortSignal) => container.commit({ ...options, abortSignal });
  await callEngine("commit a snapshot", commit, { signal, limitMs: commitLimitMs });
  await removeReplaced(docker, nameLabels(installationId, name));
  return imageOf(engine, name);
}

async function inheritedVariables(
  engine: Engine,
  image: string,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  if (!image.startsWith(prefixOf(engine))) return null;
  try {
    const request = () => engine.docker.getImage(image).inspect();
    const { Config } = await callEngine("look up a snapshot", request, { signal });
    return (Config.Env ?? []).flatMap((variable) => (variable.endsWith("=") ? variable.slice(0, -1) : []));
  } catch (error) {
    throw statusOf(error) === 404 ? notFound("snapshot") : error;
  }
}

/** Tags the image again: the engine records when an image was last tagged, and keeps the time across restarts. */
async function find(engine: Engine, name: SnapshotName, signal: AbortSignal): Promise<string | null> {
  const image = imageOf(engine, name);
  const reference = referenceOf(engine, name);
  try {
    const tag = (abortSignal: AbortSignal) =>
      engine.docker.getImage(image).tag({ ...reference, abortSignal });
    await callEngine("tag a snapshot", tag, { signal });
    return image;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

async function list(engine: Engine): Promise<readonly Snapshot[]> {
  const { docker, installationId } = engine;
  const labels = { [label.installation]: installationId, [label.kind]: snapshotKind };
  const filters = { label: Object.entries(labels).map(([key, value]) => `${key}=${value}`) };
  const images = await callEngine("list snapshots", (abortSignal) =>
    docker.listImages({ filters, abortSignal }),
  );
  return images.flatMap(({ Labels }) => {
    const name = nameIn(Labels);
    if (name === null) return [];
    return [{ ...name, image: imageOf(engine, name), sizeBytes: Number(Labels[label.sizeBytes] ?? 0) }];
  });
}

/** Removes the unnamed images that previously had the snapshot's name. Images that a container uses are removed later. */
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

/** The image inherits the sandbox's labels, so the labels whose values differ for a snapshot are set. */
function snapshotLabels(installationId: string, name: SnapshotName, sizeBytes: number): Labels {
  return {
    ...nameLabels(installationId, name),
    [label.deployment]: "",
    [label.attempt]: "",
    [label.sizeBytes]: String(sizeBytes),
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
