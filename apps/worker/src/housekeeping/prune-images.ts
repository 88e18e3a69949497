// Images that no release needs any more leave the registry and the releases' engine. Which ones is decided in the app's lane,
// from the store alone; they are removed later, while the lane goes on. From the decision until its removal is confirmed an image
// is unneeded: no deployment uses it, so a removal that hangs, or is made late, takes nothing that is in use (ADR 22).

import type { App, Release } from "@slipway/core";
import type { Platform } from "../platform.ts";

/** How many releases back the one is looked for that served before the current one. */
const lookBack = 100;
/** Tags of no kept release, of attempts that died between push and release for instance, that are looked up in one go. */
const lookUpsAtOnce = 20;

type Decided = Pick<Platform, "store" | "redis" | "keys" | "config">;
type Pruned = Decided & Pick<Platform, "registry" | "releaseImages">;

/**
 * Decides which of the app's images are unneeded: all that were seen but those of the newest RELEASES_KEPT releases, of the
 * current one, of the one that served before it, and of those that wait in the lane to be deployed again.
 * @param holder of the app's lane. @throws what its check throws; then nothing is decided.
 */
export async function decideUnneeded(
  platform: Decided,
  appId: string,
  holder: { check(): Promise<void> },
): Promise<void> {
  const { store, redis, keys } = platform;
  const seen = await redis.smembers(keys.imagesSeen(appId));
  const app = await store.apps.get(appId);
  if (seen.length === 0 || app === null) return;
  const kept = new Set((await keptReleases(platform, app)).map(digestOf));
  const unneeded = seen.filter((digest) => !kept.has(digest));
  if (unneeded.length === 0) return;
  await redis.sadd(keys.imagesUnneeded(appId), ...unneeded);
  try {
    // After they were noted: the next holder of the lane finds them.
    await holder.check();
  } catch (error) {
    await redis.srem(keys.imagesUnneeded(appId), ...unneeded);
    throw error;
  }
}

/** Images that may be removed at any moment. While the app's lane is held only its holder adds one, by `decideUnneeded`. */
export async function unneededImages(
  { redis, keys }: Pick<Platform, "redis" | "keys">,
  appId: string,
): Promise<ReadonlySet<string>> {
  return new Set(await redis.smembers(keys.imagesUnneeded(appId)));
}

/** Notes which images there are, for the next decision, and removes the unneeded ones. May be repeated. */
export async function pruneImages(platform: Pruned, appId: string, signal: AbortSignal): Promise<void> {
  const { store, redis, keys, registry, releaseImages } = platform;
  const app = await store.apps.get(appId);
  if (app === null || app.deletedAt !== null) return;
  await noteImages(platform, app, signal);
  const repository = repositoryOf(appId);
  for (const digest of await unneededImages(platform, appId)) {
    signal.throwIfAborted();
    // Another worker may have removed it while this one stood still, and it may be in use again.
    if ((await redis.sismember(keys.imagesUnneeded(appId), digest)) === 0) continue;
    await releaseImages.remove(`${registry.host}/${repository}`, digest, signal);
    await registry.delete(repository, digest, signal);
    await redis.multi().srem(keys.imagesSeen(appId), digest).srem(keys.imagesUnneeded(appId), digest).exec();
  }
}

/** The digest by which a release names its image. */
export function digestOf({ image }: Pick<Release, "image">): string {
  return image.slice(image.lastIndexOf("@") + 1);
}

async function noteImages(platform: Pruned, app: App, signal: AbortSignal): Promise<void> {
  const { store, redis, keys, registry, releaseImages, config } = platform;
  const repository = repositoryOf(app.id);
  const releases = await store.releases.ofApp(app.id, config.RELEASES_KEPT);
  const known = new Map(releases.map((release) => [release.deploymentId, digestOf(release)]));
  const seen = new Set(await releaseImages.digests(`${registry.host}/${repository}`, signal));
  let lookUps = 0;
  for (const tag of await registry.tags(repository, signal)) {
    const digest = known.get(tag);
    if (digest !== undefined) seen.add(digest);
    else if (lookUps < lookUpsAtOnce) {
      lookUps += 1;
      const found = await registry.digestOf(repository, tag, signal);
      if (found !== null) seen.add(found);
    }
  }
  const key = keys.imagesSeen(app.id);
  const noted = redis.multi().del(key);
  await (seen.size === 0 ? noted : noted.sadd(key, ...seen)).exec();
}

async function keptReleases({ store, config }: Decided, app: App): Promise<Release[]> {
  const releases = await store.releases.ofApp(app.id, config.RELEASES_KEPT + lookBack);
  const kept = releases.slice(0, config.RELEASES_KEPT);
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
