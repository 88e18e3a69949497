// Release: image, configuration and a number. Needs the image; yields the release.

import { randomUUID } from "node:crypto";
import { releaseEnvironment } from "@slipway/buildpacks";
import type { PushedImage, Release } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import type { Built } from "./build.ts";

export async function makeRelease(attempt: Attempt, built: Built, image: PushedImage): Promise<Release> {
  const { platform, lease, app, variables } = attempt;
  return platform.store.releases.create({
    id: randomUUID(),
    appId: app.id,
    deploymentId: lease.deployment.id,
    image: image.pinnedReference,
    gitRef: lease.deployment.gitRef,
    processTypes: built.processTypes,
    defaults: built.configVars,
    environment: releaseEnvironment({ variables, configVars: built.configVars }),
    createdAt: platform.now(),
  });
}
