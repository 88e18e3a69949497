// Implements the ports of the deployments package for the worker.

import { label } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import type { AbandonContext, LeaseContext } from "@slipway/deployments";
import { deploymentEvents, logCloser } from "@slipway/logs";
import type { Platform } from "../platform.ts";

/** Releases searched for the one of the deployment, which is nearly always the newest. */
const newestReleases = 20;

export function deploymentContext(platform: Platform): AbandonContext & LeaseContext {
  const { store, redis, keys, now } = platform;
  return {
    store,
    now,
    events: deploymentEvents(redis, keys),
    closeLog: logCloser({ redis, keys, store, now }),
    removeLeftovers: (deployment) => removeLeftovers(platform, deployment),
  };
}

/** The build on this worker's engine (other workers sweep theirs), and the release's rollout unless it is going live. */
async function removeLeftovers(
  { engine, scheduler, store }: Platform,
  { id, appId, attempt, releaseId }: Deployment,
): Promise<void> {
  await engine.removeSandboxes({ [label.deployment]: id });
  if (releaseId !== null) return;
  const releases = await store.releases.ofApp(appId, newestReleases);
  const release = releases.find(({ deploymentId }) => deploymentId === id);
  if (release !== undefined) await scheduler.discard(appId, release.id, { attempt });
}
