// Removes everything that belongs to deleted apps.

import type { RedisConnection } from "@slipway/bus";
import { cacheBlobPrefix, label, sbomBlobPrefix, SlipwayError } from "@slipway/core";
import type {
  BlobStore,
  BuildEngine,
  Deployment,
  DeploymentStore,
  ImageRegistry,
  Scheduler,
  Store,
} from "@slipway/core";
import { abortAllOfDeletedApp } from "@slipway/deployments";
import type { Notify } from "@slipway/deployments";
import type { RedisKeys } from "@slipway/protocol";
import type { Lanes } from "@slipway/queue";
import { dependenciesRepository } from "../deployments/release-image.ts";
import { deploymentPorts } from "../deployments/deployment-ports.ts";
import type { DeploymentPortsContext } from "../deployments/deployment-ports.ts";

const pageSize = 100;
/** Limit for deleting one image in the registry or on the engine. An interrupted removal is repeated. */
const imageRemovalMs = 10_000;

export interface RemoveAppContext {
  readonly store: Pick<Store, "apps" | "deployments" | "operations" | "logs" | OwnedParts>;
  readonly scheduler: Pick<Scheduler, "removeApp" | "imageDigests" | "removeImage">;
  readonly engine: Pick<BuildEngine, "removeSandboxes">;
  readonly registry: Pick<ImageRegistry, "host" | "tags" | "delete">;
  readonly blobs: Pick<BlobStore, "deletePrefix">;
  readonly redis: RedisConnection;
  readonly keys: RedisKeys;
}

type OwnedParts = "releases" | "receipts" | "variables" | "notifiers" | "deliveries" | "collaborators";

/** Removes all data of a deleted app. The app's document is removed last, so that an interrupted removal is found and repeated. */
export async function removeApp(
  { store, scheduler, engine, registry, blobs, redis, keys }: RemoveAppContext,
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
    await store.logs.remove([deployment.id]);
  }
  // By tag, because the deployment of an image may have been removed before its app.
  for (const repository of [`apps/${appId}`, dependenciesRepository(appId)]) {
    for (const tag of await registry.tags(repository, AbortSignal.timeout(imageRemovalMs)))
      await registry.delete(repository, tag, AbortSignal.timeout(imageRemovalMs));
  }
  const pulled = `${registry.host}/apps/${appId}`;
  for (const digest of await scheduler.imageDigests(pulled, AbortSignal.timeout(imageRemovalMs)))
    await scheduler.removeImage(pulled, digest, AbortSignal.timeout(imageRemovalMs));
  await blobs.deletePrefix(cacheBlobPrefix(appId));
  await blobs.deletePrefix(sbomBlobPrefix(appId));
  await redis.del(keys.appInstances(appId));
  await redis.del(keys.imagesSeen(appId), keys.imagesUnneeded(appId));
  await store.operations.removeOfApp(appId);
  await store.releases.removeOfApp(appId);
  await store.receipts.removeOfApp(appId);
  await store.variables.removeOfApp(appId);
  await store.notifiers.removeOfApp(appId);
  await store.deliveries.removeOfApp(appId);
  await store.collaborators.removeOfApp(appId);
  await store.deployments.removeOfApp(appId);
  await store.apps.remove(appId);
}

/** Requests app removals again that were lost after the app was marked in the store and before the job was queued. */
export async function resumeRemovals(ports: DeploymentPortsContext, lanes: Lanes): Promise<void> {
  const context = { ...deploymentPorts(ports), lanes, notify: callNow };
  for (const app of await ports.store.apps.deleted()) {
    await abortAllOfDeletedApp(context, app.id);
    await lanes.requestRemoval(app.id);
  }
}

/** Housekeeping waits for each call. A failed call is repeated in the next pass. */
const callNow: Notify = (_action, call) => call();

async function* everyDeployment(
  deployments: Pick<DeploymentStore, "list">,
  appId: string,
): AsyncGenerator<Deployment> {
  for (let page = 1; ; page += 1) {
    const found = await deployments.list(appId, { page, perPage: pageSize });
    yield* found.deployments;
    if (found.deployments.length < pageSize) return;
  }
}
