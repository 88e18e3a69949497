// Work that no deployment waits for: removing deleted apps, cleaning uploads, sweeping what dead attempts left on engines.

import { cacheBlobPrefix, isFinal, label, sourceBlobKey, SlipwayError } from "@slipway/core";
import type { Deployment, Labels } from "@slipway/core";
import { abortAllOfDeletedApp } from "@slipway/deployments";
import type { Notify } from "@slipway/deployments";
import type { Lanes } from "@slipway/queue";
import { deploymentContext } from "./deployment-context.ts";
import { requestStops } from "./former-rollouts.ts";
import type { Platform } from "./platform.ts";

const batch = 100;
const deliveriesKeptMs = 30 * 86_400_000;
const operationsKeptMs = 30 * 86_400_000;
/** How long the registry, or the engine, may take to delete one image; a removal that is broken off is repeated. */
const imageRemovalMs = 10_000;

/** Takes away all of a deleted app, the document last, so that a broken-off removal is found and repeated. */
export async function removeApp(
  { store, scheduler, engine, registry, releaseImages, blobs, redis, keys }: Platform,
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
  for (const digest of await releaseImages.digests(pulled, AbortSignal.timeout(imageRemovalMs)))
    await releaseImages.remove(pulled, digest, AbortSignal.timeout(imageRemovalMs));
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

/** Resumes app removals that were lost between the mark in the store and the queue. */
export async function resumeRemovals(platform: Platform, lanes: Lanes): Promise<void> {
  const context = { ...deploymentContext(platform), lanes, notify: callNow };
  for (const app of await platform.store.apps.deleted()) {
    await abortAllOfDeletedApp(context, app.id);
    await lanes.requestRemoval(app.id);
  }
}

/** Housekeeping waits for each call; one that fails is repeated with the next pass. */
const callNow: Notify = (_subject, call) => call();

/** Forgets what was told long ago. */
export async function cleanDeliveries({ store, now }: Platform): Promise<void> {
  const before = new Date(now().getTime() - deliveriesKeptMs);
  while ((await store.deliveries.removeBefore(before, batch)) === batch);
}

/** Removes uploads whose time is over and which no unfinished deployment needs. */
export async function cleanSources({
  store,
  blobs,
  now,
}: Pick<Platform, "store" | "blobs" | "now">): Promise<void> {
  const at = now();
  const needed = new Set<string>();
  for (;;) {
    // Those that are needed stay the first ones, and must not hide the others.
    const limit = batch + needed.size;
    const found = await store.sources.expired(at, limit);
    for (const { id } of found.filter((source) => !needed.has(source.id))) {
      if (await store.deployments.usesSource(id)) needed.add(id);
      else {
        await blobs.delete(sourceBlobKey(id));
        await store.sources.remove(id);
        // Again: an upload may have ended while its source was still there. A later one finds it gone, and takes its blob away.
        await blobs.delete(sourceBlobKey(id));
      }
    }
    if (found.length < limit) return;
  }
}

/** Forgets operations that ended long ago. */
export async function cleanOperations({ store, now }: Platform): Promise<void> {
  await store.operations.removeEnded(new Date(now().getTime() - operationsKeptMs));
}

/** Removes build containers on this worker's engine whose attempt is over, whoever started them. */
export async function sweepSandboxes({ engine, store }: Platform): Promise<void> {
  for (const labels of await engine.listSandboxes()) {
    const deployment = await store.deployments.get(labels[label.deployment] ?? "");
    if (hasEnded(deployment, labels)) await engine.removeSandboxes(labels);
  }
}

function hasEnded(deployment: Deployment | null, labels: Labels): boolean {
  return (
    deployment === null || isFinal(deployment.status) || Number(labels[label.attempt]) < deployment.attempt
  );
}

/**
 * Removes what attempts that are over started and did not promote, on whatever engine or swarm releases run, and asks for former
 * rollouts to be stopped. What was started meanwhile has a higher attempt and stays.
 */
export async function sweepRollouts(
  platform: Pick<Platform, "scheduler" | "store" | "housekeeping" | "logger">,
): Promise<void> {
  const { scheduler, store } = platform;
  const known = await scheduler.list();
  const there = new Set(known.map(({ rolloutId }) => rolloutId));
  for (const { appId, rolloutId, attempt } of known) {
    // One that ends meanwhile has put its rollout in service, or removed it, before: so it is asked for first.
    const busy =
      (await store.deployments.running(appId)) !== null || (await store.operations.running(appId)) !== null;
    const app = busy ? null : await store.apps.get(appId);
    // Of an app that is nowhere nothing is known, not even that it is gone: another database may be meant.
    if (app === null || app.currentRolloutId === rolloutId) continue;
    await scheduler.discard(appId, rolloutId, { attempt });
    // Of an app whose current rollout is nowhere, a database that was restored may name an old one: what runs stays.
    if (app.webCount === 0 || there.has(app.currentRolloutId ?? ""))
      await requestStops(platform, [{ appId, rolloutId, attempt }]);
  }
}

async function* everyDeployment(
  deployments: Platform["store"]["deployments"],
  appId: string,
): AsyncGenerator<Deployment> {
  for (let page = 1; ; page += 1) {
    const found = await deployments.list(appId, { page, perPage: batch });
    yield* found.deployments;
    if (found.deployments.length < batch) return;
  }
}
