// Reuse: creates a release from the image of an earlier one, without a build. Needs the deployment; yields the release
// and the facts about its image.

import { randomUUID } from "node:crypto";
import { releaseEnvironment } from "@slipway/buildpacks";
import { notFound, SlipwayError } from "@slipway/core";
import type { Release } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import { digestOf, unneededImages } from "../../housekeeping/prune-images.ts";
import type { ImageFacts } from "./start.ts";

/** @throws {SlipwayError} "not-found" when the release, or its image, is gone. */
export async function reuse(
  attempt: Attempt,
  releaseId: string,
): Promise<{ readonly release: Release; readonly image: ImageFacts }> {
  const { platform, lease, app, variables, log } = attempt;
  const { releases, deployments } = platform.store;
  const earlier = await releases.get(releaseId);
  if (earlier === null || earlier.appId !== app.id) throw notFound("release");
  log.line(`-----> Using the image of release v${earlier.number}: nothing is built`);
  await checkKept(attempt, earlier);
  await lease.changeStatus("pushing", log.lastSeq);
  const release = await releases.create({
    id: randomUUID(),
    appId: app.id,
    deploymentId: lease.deployment.id,
    image: earlier.image,
    gitRef: lease.deployment.gitRef,
    processTypes: earlier.processTypes,
    defaults: earlier.defaults,
    environment: releaseEnvironment({ variables, configVars: earlier.defaults }),
    createdAt: platform.now(),
  });
  const built = await deployments.get(earlier.deploymentId);
  const image = {
    image: built?.image ?? earlier.image,
    imageSizeBytes: built?.imageSizeBytes ?? null,
    stackImage: built?.stackImage ?? null,
  };
  return { release, image };
}

/** @throws {SlipwayError} "not-found" when the image was removed, as old ones are, or is about to be. */
async function checkKept(attempt: Attempt, release: Release): Promise<void> {
  if (await isKept(attempt, digestOf(release))) return;
  throw new SlipwayError("not-found", `the image of release v${release.number} is no longer kept`, {
    resource: "release",
  });
}

/** In this order: an image whose removal ends in between is found in neither. */
async function isKept({ platform, app, signal }: Attempt, digest: string): Promise<boolean> {
  if ((await unneededImages(platform, app.id)).has(digest)) return false;
  return (await platform.registry.digestOf(`apps/${app.id}`, digest, signal)) !== null;
}
