// Measures the storage that an engine uses, and the disk on which it is.

import { retry } from "@slipway/async";
import { label, SlipwayError, snapshotKind } from "@slipway/core";
import type { Labels } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine } from "./client.ts";
import { duringContainer, outputText } from "./during-container.ts";
import { measuringContainer } from "./measuring-container.ts";

export interface EngineStorage {
  /** Name of the engine's host. */
  readonly host: string;
  readonly disk: { readonly sizeBytes: number; readonly freeBytes: number };
  /** In bytes, for all images, containers and volumes of the engine, but only for the installation's snapshots. */
  readonly parts: {
    readonly images: number;
    readonly snapshots: number;
    readonly containers: number;
    readonly volumes: number;
    readonly buildCache: number;
  };
}

/** Long, because the engine reads the metadata of every file in its volumes and containers. */
const addUpLimitMs = 10 * 60_000;
const memoryBytes = 64 * 1024 ** 2;

/**
 * Takes longer the more the engine stores: meant for measurements at intervals.
 * @param image a stack's image, which must be present on the engine.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted.
 */
export async function measureEngineStorage(
  docker: Docker,
  { installationId, image }: { readonly installationId: string; readonly image: string },
  signal: AbortSignal,
): Promise<EngineStorage> {
  const { Name: host } = (await callEngine("return its name", () => docker.info(), { signal })) as {
    Name: string;
  };
  const disk = await duringContainer(
    docker,
    diskProbeConfig(installationId, image),
    signal,
    async (_id, look) => diskOf(await outputText(look)),
  );
  return { host, disk, parts: partsOf(await usageOf(docker, signal), installationId) };
}

/** The fields read from the engine's `GET /system/df`. */
export interface EngineUsage {
  readonly LayersSize: number;
  readonly Images: readonly { readonly Labels: Labels | null }[] | null;
  readonly Containers: readonly { readonly SizeRw?: number }[] | null;
  readonly Volumes: readonly { readonly UsageData?: { readonly Size: number } | null }[] | null;
  readonly BuildCache: readonly CacheRecord[] | null;
}

/** A cached result of BuildKit, or a cache that steps mount. */
export interface CacheRecord {
  readonly ID: string;
  /** `exec.cachemount` is a cache that steps mount. */
  readonly Type: string;
  /** The command that created it: `mount / from exec COMMAND`, with the command's arguments joined by spaces. */
  readonly Description: string;
  /** Ids of the records on which it is based; `Parents` since API 1.42. */
  readonly Parent?: string;
  readonly Parents?: readonly string[] | null;
  readonly InUse: boolean;
  readonly Shared: boolean;
  readonly Size: number;
  /** By the engine's clock. */
  readonly CreatedAt: string;
  readonly LastUsedAt?: string | null;
}

/**
 * Returns the engine's storage usage. Takes longer the more it stores. Engines refuse concurrent calculations, so this waits for its turn.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted.
 */
export async function usageOf(docker: Docker, signal: AbortSignal): Promise<EngineUsage> {
  const look = () =>
    callEngine("add up what it stores", () => docker.df() as Promise<EngineUsage>, {
      signal,
      limitMs: addUpLimitMs,
    });
  const isRetryable = (error: unknown) => /already running/.test(String(error));
  return await retry(look, { limitMs: addUpLimitMs, signal, isRetryable });
}

function partsOf(usage: EngineUsage, installationId: string): EngineStorage["parts"] {
  const isSnapshot = ({ Labels: labels }: { readonly Labels: Labels | null }) =>
    labels?.[label.installation] === installationId && labels[label.kind] === snapshotKind;
  const snapshots = (usage.Images ?? []).filter(isSnapshot);
  return {
    images: usage.LayersSize,
    snapshots: sum(snapshots.map(({ Labels: labels }) => Number(labels?.[label.sizeBytes] ?? 0))),
    containers: sum((usage.Containers ?? []).map(({ SizeRw = 0 }) => SizeRw)),
    // A volume whose size the engine cannot determine has the size -1.
    volumes: sum((usage.Volumes ?? []).map(({ UsageData }) => Math.max(0, UsageData?.Size ?? 0))),
    // Data shared with images is counted in their layers.
    buildCache: sum((usage.BuildCache ?? []).map(({ Size, Shared }) => (Shared ? 0 : Size))),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** @param text the block size, the blocks, and the free blocks. @throws {SlipwayError} "engine-unavailable" for another text. */
function diskOf(text: string): EngineStorage["disk"] {
  const [, block, blocks, free] = (/^(\d+) (\d+) (\d+)$/.exec(text.trim()) ?? []).map(Number);
  if (block === undefined || blocks === undefined || free === undefined)
    throw new SlipwayError(
      "engine-unavailable",
      `the engine's disk cannot be measured: stat -f printed ${JSON.stringify(text.slice(0, 200))}`,
    );
  return { sizeBytes: block * blocks, freeBytes: block * free };
}

/** A container's root is on the engine's disk. */
function diskProbeConfig(installationId: string, image: string) {
  return {
    Image: image,
    Entrypoint: ["stat"],
    Cmd: ["-f", "-c", "%S %b %a", "/"],
    Labels: { [label.installation]: installationId, [label.kind]: "disk-look" },
    ...measuringContainer(memoryBytes),
  } satisfies Docker.ContainerCreateOptions;
}
