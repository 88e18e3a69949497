// Removes images that no release needs from the registry and from the releases' engine. The app's lane decides which ones, from
// the store alone; housekeeping removes them later, while the lane continues. From the decision until the removal is confirmed an
// image is "unneeded": no deployment uses it, so a removal that hangs or runs late removes nothing in use (ADR 22).

import type { RedisConnection } from "@slipway/bus";
import { sbomBlobKey } from "@slipway/core";
import type { App, BlobStore, ImageRegistry, Release, Scheduler, Store } from "@slipway/core";
import type { RedisKeys } from "@slipway/protocol";
import type { WorkerConfig } from "../config.ts";

/** Number of releases searched for the release that served before the current one. */
const lookBack = 100;
/** Limit of lookups per run for tags without a kept release, for example tags of attempts that died between push and release. */
const maxLookUps = 20;

export interface UnneededContext {
  readonly redis: RedisConnection;
  readonly keys: RedisKeys;
}

export interface KeptReleasesContext {
  readonly store: Pick<Store, "apps" | "deployments" | "releases">;
  readonly config: Pick<WorkerConfig, "releasesKept">;
}

export type DecideContext = UnneededContext & KeptReleasesContext;

export type PruneContext = DecideContext & {
  readonly registry: Pick<ImageRegistry, "host" | "tags" | "digestOf" | "delete">;
  readonly scheduler: Pick<Scheduler, "imageDigests" | "removeImage">;
  readonly blobs: Pick<BlobStore, "delete">;
};

/**
 * Decides which of the app's images are unneeded: all recorded images except those of the releases that may be deployed again.
 * @param holder the holder of the app's lane.
 * @throws the error of the holder's check; then nothing is decided.
 */
export async function decideUnneeded(
  context: DecideContext,
  appId: string,
  holder: { check(): Promise<void> },
): Promise<void> {
  const { store, redis, keys } = context;
  const seen = await redis.smembers(keys.imagesSeen(appId));
  const app = await store.apps.get(appId);
  if (seen.length === 0 || app === null) return;
  const kept = new Set((await keptReleases(context, app)).map(digestOf));
  const unneeded = seen.filter((digest) => !kept.has(digest));
  if (unneeded.length === 0) return;
  await redis.sadd(keys.imagesUnneeded(appId), ...unneeded);
  try {
    // Checked after the write: the next holder of the lane finds the images listed.
    await holder.check();
  } catch (error) {
    await redis.srem(keys.imagesUnneeded(appId), ...unneeded);
    throw error;
  }
}

/** Images that may be removed at any moment. Only the holder of the app's lane adds images, with `decideUnneeded`. */
export async function unneededImages(
  { redis, keys }: UnneededContext,
  appId: string,
): Promise<ReadonlySet<string>> {
  return new Set(await redis.smembers(keys.imagesUnneeded(appId)));
}

/**
 * Records the existing images for the next decision, and removes the unneeded ones. Idempotent.
 * @throws the errors of images that could not be removed, once the other images are removed.
 */
export async function pruneImages(context: PruneContext, appId: string, signal: AbortSignal): Promise<void> {
  const { store, redis, keys } = context;
  const app = await store.apps.get(appId);
  if (app === null || app.deletedAt !== null) return;
  await recordImages(context, app, signal);
  const failures: unknown[] = [];
  for (const digest of await unneededImages(context, appId)) {
    signal.throwIfAborted();
    // While this worker was suspended, another one may have removed the image, and the image may be in use again.
    if ((await redis.sismember(keys.imagesUnneeded(appId), digest)) === 0) continue;
    try {
      await removeImage(context, appId, digest, signal);
    } catch (error) {
      signal.throwIfAborted();
      // An image that cannot be removed must not prevent the removal of the others.
      failures.push(error);
    }
  }
  if (failures.length > 1)
    throw new AggregateError(failures, `${failures.length} images of the app ${appId} cannot be removed`);
  if (failures.length === 1) throw failures[0];
}

async function removeImage(
  { redis, keys, registry, scheduler, blobs }: PruneContext,
  appId: string,
  digest: string,
  signal: AbortSignal,
): Promise<void> {
  const repository = repositoryOf(appId);
  await scheduler.removeImage(`${registry.host}/${repository}`, digest, signal);
  await blobs.delete(sbomBlobKey(appId, digest));
  await registry.delete(repository, digest, signal);
  await redis.multi().srem(keys.imagesSeen(appId), digest).srem(keys.imagesUnneeded(appId), digest).exec();
}

/** The digest in a release's image reference. */
export function digestOf({ image }: Pick<Release, "image">): string {
  return image.slice(image.lastIndexOf("@") + 1);
}

async function recordImages(context: PruneContext, app: App, signal: AbortSignal): Promise<void> {
  const { store, redis, keys, registry, scheduler, config } = context;
  const repository = repositoryOf(app.id);
  const releases = await store.releases.ofApp(app.id, config.releasesKept);
  const tagged = new Map(releases.map((release) => [release.deploymentId, digestOf(release)]));
  const seen = new Set(await scheduler.imageDigests(`${registry.host}/${repository}`, signal));
  let lookUps = 0;
  for (const tag of await registry.tags(repository, signal)) {
    const digest = tagged.get(tag);
    if (digest !== undefined) seen.add(digest);
    else if (lookUps < maxLookUps) {
      lookUps += 1;
      const found = await registry.digestOf(repository, tag, signal);
      if (found !== null) seen.add(found);
    }
  }
  const key = keys.imagesSeen(app.id);
  const noted = redis.multi().del(key);
  await (seen.size === 0 ? noted : noted.sadd(key, ...seen)).exec();
}

/**
 * The releases that may be deployed again: the newest `releasesKept`, the current one, the one that served before it, and the releases of
 * waiting deployments in the lane.
 */
export async function keptReleases({ store, config }: KeptReleasesContext, app: App): Promise<Release[]> {
  const releases = await store.releases.ofApp(app.id, config.releasesKept + lookBack);
  const kept = releases.slice(0, config.releasesKept);
  const current = releases.findIndex(({ id }) => id === app.currentReleaseId);
  for (const release of releases.slice(Math.max(current, 0))) {
    const isCurrent = release.id === app.currentReleaseId;
    const served = isCurrent || (await store.deployments.get(release.deploymentId))?.status === "success";
    if (served) kept.push(release);
    if (served && !isCurrent) break;
  }
  for (const { source } of await store.deployments.lane(app.id, lookBack)) {
    const wanted = source.kind === "release" ? await store.releases.get(source.releaseId) : null;
    if (wanted !== null) kept.push(wanted);
  }
  return kept;
}

function repositoryOf(appId: string): string {
  return `apps/${appId}`;
}
