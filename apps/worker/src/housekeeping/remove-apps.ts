// Removes everything that belongs to deleted apps.

import { cacheBlobPrefix, label, SlipwayError } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { abortAllOfDeletedApp } from "@slipway/deployments";
import type { Notify } from "@slipway/deployments";
import type { Lanes } from "@slipway/queue";
import { deploymentContext } from "../deployments/deployment-context.ts";
import type { Platform } from "../platform.ts";

const pageSize = 100;
/** Limit for deleting one image in the registry or on the engine. An interrupted removal is repeated. */
const imageRemovalMs = 10_000;

/** Removes everything of a deleted app, its document last, so that an interrupted removal is found and repeated. */
export async function removeApp(
  { store, scheduler, engine, registry, blobs, redis, keys }: Platform,
  appId: string,
): Promise<void> {
  const app = await store.apps.get(appId);
  if (app === null || app.deletedAt === null) return;
  if (
    (await store.operations.running(appId)) !== null ||
    (await store.deployments.running(appId)) !== null ||
    (await store.deployments.lane(appId, 1)).length > 0
  ) {
    throw new SlipwayError("conflict", "the app still has an unfinished deployment or operation");
  }
  await scheduler.removeApp(appId);
  await engine.removeSandboxes({ [label.app]: appId });
  for await (const deployment of everyDeployment(store.deployments, appId)) {
    if (deployment.image !== null)
      await registry.delete(`apps/${appId}`, deployment.id, AbortSignal.timeout(imageRemovalMs));
    await store.logs.remove([deployment.id]);
  }
  const pulled = `${registry.host}/apps/${appId}`;
  for (const digest of await scheduler.imageDigests(pulled, AbortSignal.timeout(imageRemovalMs)))
    await scheduler.removeImage(pulled, digest, AbortSignal.timeout(imageRemovalMs));
  await blobs.deletePrefix(cacheBlobPrefix(appId));
  await redis.del(keys.appInstances(appId), keys.imagesSeen(appId), keys.imagesUnneeded(appId));
  await store.operations.removeOfApp(appId);
  await store.releases.removeOfApp(appId);
  await store.variables.removeOfApp(appId);
  await store.notifiers.removeOfApp(appId);
  await store.deliveries.removeOfApp(appId);
  await store.collaborators.removeOfApp(appId);
  await store.deployments.removeOfApp(appId);
  await store.apps.remove(appId);
}

/** Requests app removals again that were lost between the mark in the store and the queue. */
export async function resumeRemovals(platform: Platform, lanes: Lanes): Promise<void> {
  const context = { ...deploymentContext(platform), lanes, notify: callNow };
  for (const app of await platform.store.apps.deleted()) {
    await abortAllOfDeletedApp(context, app.id);
    await lanes.requestRemoval(app.id);
  }
}

/** Housekeeping waits for each call; one that fails is repeated with the next pass. */
const callNow: Notify = (_subject, call) => call();

async function* everyDeployment(
  deployments: Platform["store"]["deployments"],
  appId: string,
): AsyncGenerator<Deployment> {
  for (let page = 1; ; page += 1) {
    const found = await deployments.list(appId, { page, perPage: pageSize });
    yield* found.deployments;
    if (found.deployments.length < pageSize) return;
  }
}
