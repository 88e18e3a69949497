// Puts right what a lost message, a dead worker or a lost Redis left: every lane moves, every running deployment has a job.

import type { Deployment, DeploymentStore } from "@slipway/core";
import { SlipwayError } from "@slipway/core";
import type { Lanes } from "./lanes.ts";

export interface ReconcileOptions {
  readonly deployments: DeploymentStore;
  readonly lanes: Lanes;
  /** A running deployment's job has failed for good: make it final. */
  readonly onExhausted: (deploymentId: string, error: SlipwayError) => Promise<void>;
}

/** However an attempt came to its end, hand-backs included: a deployment does not go round for ever. */
const attemptLimit = 30;

/** Idempotent, and safe to run on several workers at once. */
export async function reconcile({ deployments, lanes, onExhausted }: ReconcileOptions): Promise<void> {
  for (const deployment of await deployments.allRunning()) {
    const state = await lanes.jobState(deployment.id);
    if (state === "live" || !(await unchanged(deployments, deployment))) continue;
    if (state === "failed" || deployment.attempt >= attemptLimit) {
      await onExhausted(deployment.id, new SlipwayError("internal", "the workers that ran it died"));
      continue;
    }
    await lanes.removeJob(deployment.id);
    await lanes.requeue(deployment);
  }
  for (const appId of await deployments.waitingApps()) {
    const head = (await deployments.lane(appId, 1))[0];
    // A head whose job has ended (it was handed back, or Redis and store disagree) could get no new job under its id.
    if (head !== undefined) await lanes.removeJob(head.id);
    await lanes.advance(appId);
  }
}

/** Whether it is as it was when its job was looked up: if not, a worker is at it. */
async function unchanged(deployments: DeploymentStore, seen: Deployment): Promise<boolean> {
  return (await deployments.get(seen.id))?.revision === seen.revision;
}
