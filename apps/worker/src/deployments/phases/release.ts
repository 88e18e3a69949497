// Release: image, configuration and a number. Input: the image. Output: the release.

import { randomUUID } from "node:crypto";
import { releaseEnvironment } from "@slipway/buildpacks";
import type { Release, Store } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import type { BuiltImage } from "../builders/builder.ts";

export interface ReleaseContext {
  readonly store: Pick<Store, "releases">;
  readonly now: () => Date;
}

/** Stores the app's next release. A later attempt creates its own release. */
export async function makeRelease(
  { store, now }: ReleaseContext,
  { lease, app, runVariables: variables }: Attempt,
  { image, processTypes, imageStart, configVars }: BuiltImage,
): Promise<Release> {
  return store.releases.create({
    id: randomUUID(),
    appId: app.id,
    deploymentId: lease.deployment.id,
    image: image.pinnedReference,
    gitRef: lease.deployment.gitRef,
    processTypes,
    imageStart,
    defaults: configVars,
    environment: releaseEnvironment({ variables, configVars }),
    createdAt: now(),
  });
}
