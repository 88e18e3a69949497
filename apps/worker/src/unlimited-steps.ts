// Warns operators, at the start of a worker, which limits do not apply to the steps of Dockerfiles.

import type { ImageBuilder } from "@slipway/core";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "./config.ts";

const driverLimitMs = 60_000;

interface StepsContext {
  readonly imageBuilder: Pick<ImageBuilder, "unmeasuredDriver">;
  readonly config: Pick<WorkerConfig, "builders"> & {
    readonly build: Pick<WorkerConfig["build"], "cgroupParent">;
  };
  readonly logger: Pick<Logger, "warn">;
}

/** docs/security.md describes the operator's options. @throws {SlipwayError} "engine-unavailable" */
export async function warnOfUnlimitedSteps({ config, imageBuilder, logger }: StepsContext): Promise<void> {
  if (!config.builders.includes("dockerfile")) return;
  const { cgroupParent } = config.build;
  logger.warn(
    cgroupParent === undefined
      ? "steps of Dockerfiles have no limits of memory, CPUs and processes on this engine: set BUILD_CGROUP_PARENT to a control group with limits, or use an engine of its own for builds"
      : `steps of Dockerfiles share the limits of the control group ${cgroupParent}, if it has any: use an engine of its own for builds`,
  );
  const driver = await imageBuilder.unmeasuredDriver(AbortSignal.timeout(driverLimitMs));
  if (driver !== null)
    logger.warn(
      `what steps of Dockerfiles write is not limited on this engine (BUILD_DISK_MB), because its storage driver is ${driver}: use overlay2, overlayfs or btrfs, or an engine of its own for builds`,
    );
}
