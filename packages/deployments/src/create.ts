// Creates a deployment in its app's lane, under the app's concurrency policy.

import { admissionOf, notFound } from "@slipway/core";
import type { App, Deployment, NewDeployment } from "@slipway/core";
import { abortOfDeletedApp, abortQueued } from "./abort.ts";
import { checkSameRequest } from "./idempotency.ts";
import type { LaneContext } from "./ports.ts";

const batchSize = 100;

/**
 * Stores the deployment, then notifies followers and workers. The store checks the policy in the same transaction, so concurrent
 * requests cannot bypass it; a rejected request stores nothing.
 * @param maxQueued maximum number of queued deployments per app.
 * @throws {SlipwayError} "conflict" when the app's policy rejects the deployment, "not-found" when the app was deleted in the
 * meantime, "invalid" when the request's Idempotency-Key belongs to a different deployment, "store-unavailable", after which the
 * request may be repeated.
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
  await notify("notify the followers of a new deployment", () => events.created(deployment));
  await notify("notify the lane of a new deployment", () => lanes.advance(deployment.appId));
  await completeCreation(context, app, deployment);
  return deployment;
}

/**
 * Completes the policy's effects for a deployment that an earlier, possibly interrupted request has stored. Idempotent.
 * @throws {SlipwayError} "store-unavailable", after which the request may be repeated.
 */
export async function completeCreation(context: LaneContext, app: App, stored: Deployment): Promise<void> {
  if (app.concurrencyPolicy !== "supersede" || stored.status !== "queued") return;
  await supersedeEarlier(context, stored);
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

/** Covers a concurrent deletion of the app that listed the deployments just before this one was stored. */
async function abortIfAppDeleted(context: LaneContext, { id, appId }: Deployment): Promise<void> {
  const app = await context.store.apps.get(appId);
  if (app !== null && app.deletedAt === null) return;
  await abortOfDeletedApp(context, id);
  throw notFound("app");
}
