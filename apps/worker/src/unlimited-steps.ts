// Warns operators at the start of a worker which limits the steps of Dockerfiles lack.

import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "./config.ts";

interface StepsContext {
  readonly config: Pick<WorkerConfig, "builders"> & {
    readonly build: Pick<WorkerConfig["build"], "cgroupParent">;
  };
  readonly logger: Pick<Logger, "warn">;
}

/** docs/security.md says what operators can do. */
export function warnOfUnlimitedSteps({ config, logger }: StepsContext): void {
  if (!config.builders.includes("dockerfile")) return;
  const { cgroupParent } = config.build;
  logger.warn(
    cgroupParent === undefined
      ? "steps of Dockerfiles have no limits of memory, CPUs and processes on this engine: set BUILD_CGROUP_PARENT to a control group with limits, or use an engine of its own for builds"
      : `steps of Dockerfiles share the limits of the control group ${cgroupParent}, if it has any: use an engine of its own for builds`,
  );
}
