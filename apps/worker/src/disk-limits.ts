// Finds out at the start how the engines limit what builds and releases write, and logs it for operators.

import type { BuildEngine, DiskQuota, Scheduler } from "@slipway/core";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "./config.ts";

interface DiskLimitsContext {
  readonly engine: Pick<BuildEngine, "diskQuota">;
  readonly scheduler: Pick<Scheduler, "diskQuota">;
  readonly config: { readonly scheduler: Pick<WorkerConfig["scheduler"], "kind"> };
  readonly logger: Pick<Logger, "info">;
}

/** docs/operations.md explains the values. @throws {SlipwayError} "engine-unavailable" */
export async function logDiskLimits({ engine, scheduler, config, logger }: DiskLimitsContext): Promise<void> {
  const [builds, releases] = await Promise.all([engine.diskQuota(), scheduler.diskQuota()]);
  const limits = {
    builds: limitOf(builds.containers),
    buildCaches: limitOf(builds.volumes),
    releases: config.scheduler.kind === "swarm" ? "file-size" : limitOf(releases.containers),
    hooks: limitOf(releases.containers),
  };
  logger.info({ diskLimits: limits }, "the engines limit disk usage");
}

function limitOf(quota: DiskQuota["containers"]): "quota" | "watch" {
  return quota ? "quota" : "watch";
}
