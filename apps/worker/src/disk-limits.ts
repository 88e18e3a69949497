// Finds out at the start how the engines limit what builds and releases write, and logs it for operators.

import type { BuildEngine, DiskQuota, Scheduler } from "@slipway/core";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "./config.ts";

interface DiskLimitsContext {
  readonly engine: Pick<BuildEngine, "diskQuota">;
  readonly scheduler: Pick<Scheduler, "diskQuota" | "uncountedDriver">;
  readonly config: { readonly scheduler: Pick<WorkerConfig["scheduler"], "kind"> };
  readonly logger: Pick<Logger, "info" | "warn">;
}

/** docs/operations.md explains the values. @throws {SlipwayError} "engine-unavailable" */
export async function logDiskLimits({ engine, scheduler, config, logger }: DiskLimitsContext): Promise<void> {
  const [builds, releases, driver] = await Promise.all([
    engine.diskQuota(),
    scheduler.diskQuota(),
    scheduler.uncountedDriver(),
  ]);
  const isSwarm = config.scheduler.kind === "swarm";
  const files = driver === null ? "watch" : "none";
  const limits = {
    builds: limitOf(builds.containers),
    buildCaches: limitOf(builds.volumes),
    releases: isSwarm ? "file-size" : limitOf(releases.containers),
    releaseFiles: isSwarm ? "none" : files,
    hooks: limitOf(releases.containers),
    hookFiles: files,
  };
  logger.info({ diskLimits: limits }, "the engines limit disk usage");
  if (driver !== null)
    logger.warn(
      `the number of files of hooks and releases is not limited on this engine, because its storage driver is ${driver}: use overlay2 or btrfs`,
    );
}

function limitOf(quota: DiskQuota["containers"]): "quota" | "watch" {
  return quota ? "quota" : "watch";
}
