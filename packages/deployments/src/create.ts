// Creates a deployment in its app's lane, under the app's concurrency policy.

import { admissionOf, notFound } from "@slipway/core";
import type { App, Deployment, NewDeployment } from "@slipway/core";
import { abortOfDeletedApp, abortQueued } from "./abort.ts";
import { checkSameRequest } from "./idempotency.ts";
import type { LaneContext } from "./ports.ts";

const batchSize = 100;

/**
 * Stores the deployment, then notifies followers and workers. The store checks the policy in the same step, so concurrent
 * requests cannot pass it together; a rejected request stores nothing.
 * @param maxQueued how many deployments of an app may be queued.
 * @throws {SlipwayError} "conflict" when the app's policy rejects the deployment, "not-found" when the app was deleted
 * meanwhile, "invalid" when the request's Idempotency-Key belongs to a different deployment.
 */
export async function createDeployment(
  context: LaneContext,
  app: App,
  request: NewDeployment,
  maxQueued: number,
): Promise<Deployment> {
  const { store, events, lanes, notify } = context;
  const admission = admissionOf(app.concurrencyPolicy, maxQueued);
  const deployment = await store.deployments.create(request, admission);
  checkSameRequest(deployment, request);
  await abortIfAppDeleted(context, deployment);
  await notify("the followers of a new deployment", () => events.created(deployment));
  await notify("the lane of a new deployment", () => lanes.advance(deployment.appId));
  if (app.concurrencyPolicy === "supersede") await supersedeEarlier(context, deployment);
  return deployment;
}

/** Aborts the queued deployments of the app that were created before this one. */
async function supersedeEarlier(context: LaneContext, deployment: Deployment): Promise<void> {
  for (;;) {
    const lane = await context.store.deployments.lane(deployment.appId, batchSize);
    const earlier = lane.filter(({ number }) => number < deployment.number);
    for (const { id } of earlier) await abortQueued(context, id, `superseded by deployment ${deployment.id}`);
    if (earlier.length < batchSize) return;
  }
}

/** A concurrent deletion of the app may have listed its deployments just before this one was stored. */
async function abortIfAppDeleted(context: LaneContext, { id, appId }: Deployment): Promise<void> {
  const app = await context.store.apps.get(appId);
  if (app !== null && app.deletedAt === null) return;
  await abortOfDeletedApp(context, id);
  throw notFound("app");
}
