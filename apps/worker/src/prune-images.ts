// Images that no release needs any more leave the registry and the releases' engine. Done in the app's lane, at the end of a
// deployment: nothing of the app is pushed or started meanwhile.

import type { App, Release } from "@slipway/core";
import type { Platform } from "./platform.ts";

/** How many releases beyond the kept ones are looked at: what is older was pruned by earlier deployments. */
const lookBack = 100;
/** Tags without a release, of attempts that died between push and release, that are looked up in one go. */
const orphansAtOnce = 20;

type Pruned = Pick<Platform, "store" | "registry" | "releaseImages" | "config">;

/** Keeps the images of the newest RELEASES_KEPT releases, of the current one, and of the one that served before it. */
export async function pruneImages(platform: Pruned, app: App, signal: AbortSignal): Promise<void> {
  const { store, registry, releaseImages, config } = platform;
  const releases = await store.releases.ofApp(app.id, config.RELEASES_KEPT + lookBack);
  const kept = await keptReleases(platform, app, releases);
  const keptDigests = new Set([...kept].map(digestOf));
  const repository = `apps/${app.id}`;
  const tags = new Set(await registry.tags(repository, signal));
  const unneeded = new Set<string>();
  for (const release of releases) {
    const isTagged = tags.delete(release.deploymentId);
    if (isTagged) unneeded.add(digestOf(release));
  }
  for (const tag of [...tags].slice(0, orphansAtOnce)) {
    const digest = await registry.digestOf(repository, tag, signal);
    if (digest !== null) unneeded.add(digest);
  }
  // Several releases, and tags, may share an image: it goes when none of them is kept.
  for (const digest of unneeded.difference(keptDigests)) await registry.delete(repository, digest, signal);
  await releaseImages.removeOthers(`${registry.host}/${repository}`, keptDigests);
}

async function keptReleases(
  { store, config }: Pruned,
  app: App,
  releases: readonly Release[],
): Promise<Set<Release>> {
  const kept = new Set(releases.slice(0, config.RELEASES_KEPT));
  const current = releases.findIndex(({ id }) => id === app.currentReleaseId);
  for (const release of releases.slice(Math.max(current, 0))) {
    if (release.id === app.currentReleaseId) kept.add(release);
    else if ((await store.deployments.get(release.deploymentId))?.status === "success") {
      kept.add(release);
      break;
    }
  }
  for (const { source } of await store.deployments.lane(app.id, lookBack)) {
    const wanted = releases.find(({ id }) => source.kind === "release" && id === source.releaseId);
    if (wanted !== undefined) kept.add(wanted);
  }
  return kept;
}

function digestOf({ image }: Release): string {
  return image.slice(image.lastIndexOf("@") + 1);
}
