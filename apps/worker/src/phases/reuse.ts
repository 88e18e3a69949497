// Reuse: the image of an earlier release becomes a release of its own, and nothing is built. Needs the deployment; yields the
// release and what is told of its image.

import { randomUUID } from "node:crypto";
import { releaseEnvironment } from "@slipway/buildpacks";
import { notFound, SlipwayError } from "@slipway/core";
import type { Release } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
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

/** @throws {SlipwayError} "not-found" when the image was removed, as old ones are. */
async function checkKept({ platform, app, signal }: Attempt, { image, number }: Release): Promise<void> {
  const digest = image.slice(image.lastIndexOf("@") + 1);
  if ((await platform.registry.digestOf(`apps/${app.id}`, digest, signal)) !== null) return;
  throw new SlipwayError("not-found", `the image of release v${number} is no longer kept`, {
    resource: "release",
  });
}
