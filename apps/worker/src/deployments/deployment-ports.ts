// Implements the ports of the deployments package for the worker.

import type { Bus } from "@slipway/bus";
import { label } from "@slipway/core";
import type { BuildEngine, Deployment, Scheduler, Store } from "@slipway/core";
import type { AbandonContext, LeaseContext } from "@slipway/deployments";
import { deploymentEvents, logCloser } from "@slipway/logs";
import { traceEnds, tracePhase } from "@slipway/telemetry";
import { requestPromotion } from "../housekeeping/promote-rollout.ts";
import type { RequestPromotionContext } from "../housekeeping/promote-rollout.ts";
import { logPhase } from "./attempt-log.ts";

/** How many releases are searched for the deployment's release, which is nearly always the newest. */
const newestReleases = 20;

export interface DeploymentPortsContext extends Bus, RequestPromotionContext {
  readonly store: Pick<Store, "apps" | "deployments" | "operations" | "releases" | "logs">;
  readonly engine: Pick<BuildEngine, "removeSandboxes">;
  readonly scheduler: Pick<Scheduler, "discard">;
  readonly now: () => Date;
}

export function deploymentPorts(context: DeploymentPortsContext): AbandonContext & LeaseContext {
  const { store, now, logger } = context;
  const events = traceEnds(deploymentEvents(context));
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
    tracePhase,
    closeLog: logCloser({ bus: context, store, now }),
    removeLeftovers: (deployment) => removeLeftovers(context, deployment),
  };
}

/**
 * Removes the build on this worker's engine (other workers sweep their engines), and the release's rollout. A rollout that was going live
 * may already serve: in this case housekeeping promotes it. Otherwise the sweep removes it.
 */
async function removeLeftovers(
  context: DeploymentPortsContext,
  { id, appId, attempt, releaseId }: Deployment,
): Promise<void> {
  const { engine, scheduler, store } = context;
  await engine.removeSandboxes({ [label.deployment]: id });
  if (releaseId !== null) return requestPromotion(context, { appId, rolloutId: releaseId });
  const releases = await store.releases.ofApp(appId, newestReleases);
  const release = releases.find(({ deploymentId }) => deploymentId === id);
  if (release !== undefined) await scheduler.discard(appId, release.id, { attempt });
}
