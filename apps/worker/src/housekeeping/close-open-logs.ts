// Closes the logs of aborted deployments that were left open: between the abort and the end of the log, the process that aborted the
// deployment or its worker crashed, or Redis or the store failed.

import { SlipwayError } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { sealAbandoned } from "@slipway/deployments";
import type { Lanes } from "@slipway/queue";
import type { WorkerConfig } from "../config.ts";
import { deploymentPorts } from "../deployments/deployment-ports.ts";
import type { DeploymentPortsContext } from "../deployments/deployment-ports.ts";

export type CloseOpenLogsContext = DeploymentPortsContext & {
  readonly store: Pick<Store, "apps" | "deployments">;
  readonly lanes: Pick<Lanes, "jobStates">;
  readonly config: { readonly timing: Pick<WorkerConfig["timing"], "leaseMs"> };
  /** Called with each failed repair. The other repairs continue, and the next pass tries again. */
  readonly onError: (error: unknown, message: string) => void;
};

/**
 * Maximum number of deployments per pass, because each one costs a call to the engine. An index contains only these deployments, so a pass
 * that finds none costs one read.
 */
const maxOfPass = 100;

/**
 * Skips deployments that ended less than a lease ago, or have a job: a worker may be closing their logs. Idempotent, also on several
 * workers at once. Rejects when the deployments or their jobs cannot be read.
 */
export async function closeOpenLogs(context: CloseOpenLogsContext): Promise<void> {
  const { store, lanes, config, now, onError } = context;
  const until = new Date(now().getTime() - config.timing.leaseMs);
  const unsealed = await store.deployments.unsealed(until, maxOfPass);
  const states = await lanes.jobStates(unsealed.map(({ id }) => id));
  for (const [index, deployment] of unsealed.entries()) {
    if (states[index] === "live") continue;
    try {
      await seal(context, deployment);
    } catch (error) {
      onError(error, `cannot close the log of deployment ${deployment.id}`);
      // The other repairs would fail as well, each after the time limit of a call.
      if (error instanceof SlipwayError && error.code === "engine-unavailable") return;
    }
  }
}

/** The removal of a deleted app removes its logs: a line that is added afterwards would stay. */
async function seal(context: CloseOpenLogsContext, deployment: Deployment): Promise<void> {
  const app = await context.store.apps.get(deployment.appId);
  if (app === null || app.deletedAt !== null) return;
  await sealAbandoned(deploymentPorts(context), deployment);
}
