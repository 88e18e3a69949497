// Reuse: creates a release from the image of an earlier release, without a build. Input: the deployment. Output: the release and the facts
// about its image.

import { randomUUID } from "node:crypto";
import { releaseEnvironment } from "@slipway/buildpacks";
import { notFound, SlipwayError } from "@slipway/core";
import type { ImageRegistry, Release, Store } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import { digestOf, unneededImages } from "../../housekeeping/prune-images.ts";
import type { UnneededContext } from "../../housekeeping/prune-images.ts";
import type { ImageFacts } from "./start.ts";

export type ReuseContext = UnneededContext & {
  readonly store: Pick<Store, "releases" | "deployments">;
  readonly registry: Pick<ImageRegistry, "digestOf">;
  readonly now: () => Date;
};

/** @throws {SlipwayError} "not-found" when the release or its image no longer exists. */
export async function reuse(
  context: ReuseContext,
  attempt: Attempt,
  releaseId: string,
): Promise<{ readonly release: Release; readonly image: ImageFacts }> {
  const { lease, app, runVariables: variables, log } = attempt;
  const { releases, deployments } = context.store;
  const earlier = await releases.get(releaseId);
  if (earlier === null || earlier.appId !== app.id) throw notFound("release");
  log.line(`-----> Using the image of release v${earlier.number}: nothing is built`);
  await checkKept(context, attempt, earlier);
  await lease.changeStatus("pushing", log.lastSeq);
  const release = await releases.create({
    id: randomUUID(),
    appId: app.id,
    deploymentId: lease.deployment.id,
    image: earlier.image,
    gitRef: lease.deployment.gitRef,
    processTypes: earlier.processTypes,
    imageStart: earlier.imageStart,
    defaults: earlier.defaults,
    environment: releaseEnvironment({ variables, configVars: earlier.defaults }),
    createdAt: context.now(),
  });
  const built = await deployments.get(earlier.deploymentId);
  const image = {
    image: built?.image ?? earlier.image,
    imageSizeBytes: built?.imageSizeBytes ?? null,
    stackImage: built?.stackImage ?? null,
  };
  return { release, image };
}

/** @throws {SlipwayError} "not-found" when the image was removed, as old images are, or is about to be removed. */
async function checkKept(context: ReuseContext, attempt: Attempt, release: Release): Promise<void> {
  if (await isKept(context, attempt, digestOf(release))) return;
  throw new SlipwayError("not-found", `the image of release v${release.number} is no longer kept`, {
    resource: "release",
    hint: "Choose a newer release, which GET /v1/apps/APP/releases lists, or deploy the source again",
  });
}

/** The order matters: in the reverse order, an image whose removal ends between the checks would count as kept. */
async function isKept(context: ReuseContext, { app, signal }: Attempt, digest: string): Promise<boolean> {
  if ((await unneededImages(context, app.id)).has(digest)) return false;
  return (await context.registry.digestOf(`apps/${app.id}`, digest, signal)) !== null;
}
