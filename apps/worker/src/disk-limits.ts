// Determines at the start how the engines limit the disk space of builds and releases, and logs it for operators.

import type { BuildEngine, DiskQuota, Scheduler } from "@slipway/core";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "./config.ts";

interface DiskLimitsContext {
  readonly engine: Pick<BuildEngine, "diskQuota">;
  readonly scheduler: Pick<Scheduler, "diskQuota" | "uncountedDriver" | "unreachedNodes">;
  readonly config: { readonly scheduler: Pick<WorkerConfig["scheduler"], "kind"> };
  readonly logger: Pick<Logger, "info" | "warn">;
}

/** docs/operations.md explains the values. @throws {SlipwayError} "engine-unavailable" */
export async function logDiskLimits({ engine, scheduler, config, logger }: DiskLimitsContext): Promise<void> {
  const [builds, releases, driver, nodes] = await Promise.all([
    engine.diskQuota(),
    scheduler.diskQuota(),
    scheduler.uncountedDriver(),
    scheduler.unreachedNodes(),
  ]);
  const files = driver === null ? "watch" : "none";
  const limits = {
    builds: limitOf(builds.containers),
    buildCaches: limitOf(builds.volumes),
    // A swarm does not pass quotas to its engines.
    releases: limitOf(releases.containers && config.scheduler.kind === "docker"),
    releaseFiles: files,
    hooks: limitOf(releases.containers),
    hookFiles: files,
  };
  logger.info({ diskLimits: limits }, "the engines limit disk usage");
  if (driver !== null)
    logger.warn(
      `the number of files of hooks and releases is not limited on this engine, because its storage driver is ${driver}: use overlay2 or btrfs`,
    );
  if (nodes.length > 0)
    logger.warn(
      { nodes },
      "on these nodes of the swarm only the size of each file of an instance is limited: add their engines to SWARM_NODE_DOCKER_HOSTS",
    );
}

function limitOf(quota: DiskQuota["containers"]): "quota" | "watch" {
  return quota ? "quota" : "watch";
}
