// Puts a deployment in its app's lane, under the app's policy for those that come while it has one at work.

import { SlipwayError, notFound } from "@slipway/core";
import type { App, Deployment, NewDeployment } from "@slipway/core";
import { abortOfDeleted, abortWaiting } from "./abort.ts";
import { announceNew } from "./announce.ts";
import type { Platform } from "./platform.ts";

const batch = 100;

/**
 * Stores the request and tells everybody. The policy is kept also among requests that come at once: of those that an app
 * that rejects may not take together the first stays, of those that supersede each other the last.
 * @throws {SlipwayError} "conflict" when the app's policy refuses it, "not-found" when the app was deleted meanwhile.
 */
export async function createDeployment(
  platform: Platform,
  app: App,
  request: NewDeployment,
): Promise<Deployment> {
  const { store } = platform;
  if (app.concurrencyPolicy === "reject" && (await busyBefore(platform, app.id))) throw refused();
  const deployment = await store.deployments.create(request);
  await unlessDeletedMeanwhile(platform, deployment);
  if (app.concurrencyPolicy === "reject" && (await busyBefore(platform, app.id, deployment))) {
    await abortWaiting(platform, deployment.id, refused().message);
    throw refused();
  }
  await announceNew(platform, deployment);
  if (app.concurrencyPolicy === "supersede") await supersede(platform, deployment);
  return deployment;
}

/** Whether the app has a deployment that waits or runs; given one, whether it has another that came before it. */
async function busyBefore(
  { store: { deployments } }: Platform,
  appId: string,
  own?: Deployment,
): Promise<boolean> {
  const [running, lane] = await Promise.all([deployments.running(appId), deployments.lane(appId, 1)]);
  const isBefore = (other: Deployment) =>
    own === undefined || (other.id !== own.id && other.number < own.number);
  return [running, ...lane].some((other) => other !== null && isBefore(other));
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

function refused(): SlipwayError {
  return new SlipwayError(
    "conflict",
    "the app has a deployment that waits or runs, and its concurrency_policy is reject",
  );
}

/** Whoever deleted the app may have looked for its deployments just before this one came. */
async function unlessDeletedMeanwhile(platform: Platform, { id, appId }: Deployment): Promise<void> {
  const app = await platform.store.apps.get(appId);
  if (app !== null && app.deletedAt === null) return;
  await abortOfDeleted(platform, id);
  throw notFound("app");
}
