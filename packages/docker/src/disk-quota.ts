// Detects which byte limits an engine's kernel can enforce: for a container's files, and for a volume. Engines accept, reject or ignore
// the options, depending on the file system and its mount options, so the detection writes more than a limit and checks the result.

import { randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pause } from "@slipway/async";
import { type DiskQuota, type Labels, label } from "@slipway/core";
import { type NewEntry, writeEntries } from "@slipway/tar";
import type Docker from "dockerode";
import { callEngine, responseOf, statusOf } from "./client.ts";
import { removeContainer } from "./containers.ts";

const quotaBytes = 16 * 1024 ** 2;
/** Size of the containers' image. Together with `withinBytes` it exceeds the quota. */
const imageBytes = 12 * 1024 ** 2;
const withinBytes = 8 * 1024 ** 2;
const beyondBytes = 2 * quotaBytes;
/** Files occupy whole blocks, so an image takes more space than the sum of its file sizes. */
const blocksPerByte = 1.1;
/**
 * Docker enables quotas of btrfs with the first limit, and counts again after the removal of each container. btrfs enforces no limit until it
 * has counted, which takes longer on a busy machine: a file that it accepts is written again after these pauses.
 */
const btrfsPausesMs = [0, 1_000, 4_000] as const;
const volumePath = "/volume";
const repository = "slipway-disk-quota";

interface Storage {
  readonly identity: string;
  /** The storage driver. */
  readonly driver: string;
}

interface ProbeOptions {
  readonly labels: Labels;
  /** The pauses between the creation of a container and the write, one for each try. */
  readonly pausesMs: readonly number[];
}

/**
 * Returns an engine's cached quotas, or determines and stores them.
 * @param engine identifies the engine, including its version and storage driver.
 */
export type QuotaCache = (engine: string, find: () => Promise<DiskQuota>) => Promise<DiskQuota>;

/**
 * @param cache shares results with other processes; without it, each process tests each engine.
 * @returns a function that tests the engine's quotas once: later calls return the first successful result.
 */
export function openDiskQuota(
  docker: Docker,
  installationId: string,
  cache: QuotaCache = (_engine, find) => find(),
): () => Promise<DiskQuota> {
  const labels = { [label.installation]: installationId, [label.kind]: "disk-quota" };
  const look = async () => {
    const storage = await storageOf(docker);
    return cache(storage.identity, () => findDiskQuota(docker, { labels, pausesMs: pausesOf(storage) }));
  };
  let found: Promise<DiskQuota> | undefined;
  return () => {
    found ??= look().catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
}

/** The properties of an engine that determine its quotas, except mount options. Callers that cache results must let them expire. */
async function storageOf(docker: Docker): Promise<Storage> {
  const engine = (await callEngine("return its description", () => docker.info())) as {
    ID: string;
    DockerRootDir: string;
    ServerVersion: string;
    Driver: string;
    DriverStatus?: readonly (readonly [name: string, value: string])[] | null;
  };
  const fileSystem = engine.DriverStatus?.find(([name]) => name === "Backing Filesystem")?.[1];
  const { ID, DockerRootDir, ServerVersion, Driver: driver } = engine;
  return { identity: [ID, DockerRootDir, ServerVersion, driver, fileSystem ?? ""].join(" "), driver };
}

function pausesOf({ driver }: Storage): readonly number[] {
  return driver === "btrfs" ? btrfsPausesMs : [0];
}

/** Creates containers with limits from an image made for this test, and writes into them without starting them. */
async function findDiskQuota(docker: Docker, { labels, pausesMs }: ProbeOptions): Promise<DiskQuota> {
  const tag = randomUUID();
  await importImage(docker, tag);
  const image = `${repository}:${tag}`;
  const container = { Image: image, Cmd: ["none"], Labels: labels };
  const refuses = async (sizeBytes: number, path: string, hostConfig: Docker.HostConfig) => {
    for (const pauseMs of pausesMs) {
      const file = { sizeBytes, path, pauseMs };
      const result = await writeFile(docker, file, { ...container, HostConfig: hostConfig });
      if (result !== "accepted") return result === "refused";
    }
    return false;
  };
  const limitedRoot = { StorageOpt: quotaOption(quotaBytes) };
  const limitedVolume = { Mounts: [volumeWithQuota(volumePath, quotaBytes)] };
  try {
    const containers = await refuses(beyondBytes, "/", limitedRoot);
    return {
      containers,
      includesImage: containers && (await refuses(withinBytes, "/", limitedRoot)),
      volumes: await refuses(beyondBytes, volumePath, limitedVolume),
    };
  } finally {
    await callEngine("remove an image", () => docker.getImage(image).remove({ force: true }));
  }
}

/**
 * @param image an image that the engine has.
 * @returns the quota that lets a container write `writableBytes`; null when the engine has no quotas for containers.
 */
export async function containerQuota(
  docker: Docker,
  quota: DiskQuota,
  image: string,
  writableBytes: number,
): Promise<number | null> {
  if (!quota.containers) return null;
  if (!quota.includesImage) return writableBytes;
  const { Size } = await callEngine("inspect an image", () => docker.getImage(image).inspect());
  return Math.ceil(Size * blocksPerByte) + writableBytes;
}

/** The engine's option that limits a container's files, and a volume's. */
export function quotaOption(sizeBytes: number): { size: string } {
  return { size: String(sizeBytes) };
}

/** A volume that the engine removes together with its container. */
export function volumeWithQuota(path: string, sizeBytes: number): Docker.MountSettings {
  const DriverConfig = { Name: "local", Options: quotaOption(sizeBytes) };
  return {
    Type: "volume",
    Target: path,
    Source: "",
    VolumeOptions: { NoCopy: false, Labels: {}, DriverConfig },
  };
}

async function importImage(docker: Docker, tag: string): Promise<void> {
  const tar = Readable.from(writeEntries([randomFile("of-image", imageBytes)]), { objectMode: false });
  await callEngine("import an image", async () => {
    const imported = await docker.importImage(tar, { repo: repository, tag });
    await buffer(responseOf(imported));
  });
}

/** @returns whether the engine accepts the file, or does not support the limit. */
async function writeFile(
  docker: Docker,
  {
    sizeBytes,
    path,
    pauseMs,
  }: { readonly sizeBytes: number; readonly path: string; readonly pauseMs: number },
  config: Docker.ContainerCreateOptions,
): Promise<"accepted" | "refused" | "unsupported"> {
  const name = `${repository}-${randomUUID()}`;
  try {
    await callEngine("create a container with a disk limit", () =>
      docker.createContainer({ ...config, name }),
    );
  } catch (error) {
    // With these statuses the engine reports that it does not support the option.
    if ([400, 500].includes(statusOf(error) ?? 0)) return "unsupported";
    throw error;
  }
  try {
    await pause(pauseMs);
    const tar = await buffer(writeEntries([randomFile("file", sizeBytes)]));
    await callEngine("write to a container", () => docker.getContainer(name).putArchive(tar, { path }));
    return "accepted";
  } catch (error) {
    if (/no space left on device|quota exceeded/i.test(String(error))) return "refused";
    throw error;
  } finally {
    await removeContainer(docker, name);
  }
}

/** The content is random, because a compressing file system would store any number of zeros. */
function randomFile(path: string, sizeBytes: number): NewEntry {
  const root = { uid: 0, gid: 0, mode: 0o600, mtime: new Date(0) };
  return { ...root, kind: "file", path, sizeBytes, body: randomBytes(sizeBytes) };
}
