// Puts a deployment in its app's lane, under the app's policy for those that come while it has one at work.

import { SlipwayError, notFound } from "@slipway/core";
import type { App, Deployment, NewDeployment } from "@slipway/core";
import { abortOfDeleted, abortWaiting, refuseWaiting } from "./abort.ts";
import { announceNew } from "./announce.ts";
import { checkSame } from "./idempotency.ts";
import type { Platform } from "./platform.ts";

const batch = 100;

/**
 * Stores the request and tells everybody. The policy is kept also among requests that come at once: of those that an app
 * may not take together the first stay, of those that supersede each other the last.
 * @throws {SlipwayError} "conflict" when the app's policy refuses it, "not-found" when the app was deleted meanwhile,
 * "invalid" when a request with its Idempotency-Key was faster and asked for something else.
 */
export async function createDeployment(
  platform: Platform,
  app: App,
  request: NewDeployment,
): Promise<Deployment> {
  const full = await refusalOf(platform, app, request);
  if (full !== null) throw full;
  const deployment = await platform.store.deployments.create(request);
  checkSame(deployment, request);
  await unlessDeletedMeanwhile(platform, deployment);
  const refusal = await refusalOf(platform, app, deployment);
  if (refusal !== null) {
    await refuseWaiting(platform, deployment.id, refusal);
    throw refusal;
  }
  await announceNew(platform, deployment);
  if (app.concurrencyPolicy === "supersede") await supersede(platform, deployment);
  return deployment;
}

/**
 * Why the app's policy does not take a deployment, by those that came before it; null when it does.
 * @param own without a number, all others came before it.
 */
async function refusalOf(
  { store: { deployments }, config }: Platform,
  { id: appId, concurrencyPolicy: policy }: App,
  own: NewDeployment & Partial<Pick<Deployment, "number">>,
): Promise<SlipwayError | null> {
  if (policy === "supersede") return null;
  const { id: ownId, number: ownNumber = Number.POSITIVE_INFINITY } = own;
  const isBefore = ({ id, number }: Deployment) => id !== ownId && number < ownNumber;
  const most = policy === "reject" ? 1 : config.APP_QUEUE_MAX;
  const waiting = (await deployments.lane(appId, most)).filter(isBefore).length;
  if (policy === "queue")
    return waiting < most ? null : refused(`${most} deployments of the app wait already`);
  const running = await deployments.running(appId);
  if (waiting === 0 && (running === null || !isBefore(running))) return null;
  return refused("the app has a deployment that waits or runs, and its concurrency_policy is reject");
}

/** Those that came before it and still wait give way to it. */
async function supersede(platform: Platform, deployment: Deployment): Promise<void> {
  for (;;) {
    const lane = await platform.store.deployments.lane(deployment.appId, batch);
    const former = lane.filter(({ number }) => number < deployment.number);
    for (const { id } of former) {
      await abortWaiting(platform, id, `superseded by deployment ${deployment.id}`);
    }
    if (former.length < batch) return;
  }
}

function refused(reason: string): SlipwayError {
  return new SlipwayError("conflict", reason);
}

/** Whoever deleted the app may have looked for its deployments just before this one came. */
async function unlessDeletedMeanwhile(platform: Platform, { id, appId }: Deployment): Promise<void> {
  const app = await platform.store.apps.get(appId);
  if (app !== null && app.deletedAt === null) return;
  await abortOfDeleted(platform, id);
  throw notFound("app");
}
