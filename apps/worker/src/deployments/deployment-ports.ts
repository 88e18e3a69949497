// Implements the ports of the deployments package for the worker.

import type { Bus } from "@slipway/bus";
import { label } from "@slipway/core";
import type { BuildEngine, Deployment, Scheduler, Store } from "@slipway/core";
import type { AbandonContext, LeaseContext } from "@slipway/deployments";
import { deploymentEvents, logCloser } from "@slipway/logs";
import type { Logger } from "@slipway/service";
import { logPhase } from "./attempt-log.ts";

/** Releases searched for the one of the deployment, which is nearly always the newest. */
const newestReleases = 20;

export interface DeploymentPortsContext extends Bus {
  readonly store: Pick<Store, "apps" | "deployments" | "operations" | "releases" | "logs">;
  readonly engine: Pick<BuildEngine, "removeSandboxes">;
  readonly scheduler: Pick<Scheduler, "discard">;
  readonly logger: Pick<Logger, "info" | "warn">;
  readonly now: () => Date;
}

export function deploymentPorts(context: DeploymentPortsContext): AbandonContext & LeaseContext {
  const { store, now, logger } = context;
  const events = deploymentEvents(context);
  return {
    store,
    now,
    events: {
      ...events,
      phaseChanged: (deployment, phase, lineCount) => {
        logPhase(logger, deployment, phase);
        return events.phaseChanged(deployment, phase, lineCount);
      },
    },
    onPhaseError: (error) =>
      logger.warn({ err: error }, "cannot publish or store a phase; the next change stores it"),
    closeLog: logCloser({ bus: context, store, now }),
    removeLeftovers: (deployment) => removeLeftovers(context, deployment),
  };
}

/** The build on this worker's engine (other workers sweep theirs), and the release's rollout unless it is going live. */
async function removeLeftovers(
  { engine, scheduler, store }: Pick<DeploymentPortsContext, "engine" | "scheduler" | "store">,
  { id, appId, attempt, releaseId }: Deployment,
): Promise<void> {
  await engine.removeSandboxes({ [label.deployment]: id });
  if (releaseId !== null) return;
  const releases = await store.releases.ofApp(appId, newestReleases);
  const release = releases.find(({ deploymentId }) => deploymentId === id);
  if (release !== undefined) await scheduler.discard(appId, release.id, { attempt });
}
