// GET /v1/apps/:app/releases: the releases that an app can be rolled back to.

import type { App, Release, Store } from "@slipway/core";
import { releasesAnswer } from "@slipway/protocol";
import type { ReleaseBody } from "@slipway/protocol";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

const maxShown = 50;

export function releaseRoutes(store: Pick<Store, "releases">): Route[] {
  return [
    route({
      method: "get",
      path: "/apps/:app/releases",
      summary: `List the app's releases, newest first, at most ${maxShown}`,
      access: "app:read",
      answer: { status: 200, json: releasesAnswer },
      async handle({ app }) {
        const releases = await store.releases.ofApp(app.id, maxShown);
        return { releases: releases.map((release) => presentRelease(app, release)) };
      },
    }),
  ];
}

/** Leaves out the environment: it contains the app's secrets. */
function presentRelease(app: App, release: Release): ReleaseBody {
  return {
    id: release.id,
    app_id: app.id,
    number: release.number,
    deployment_id: release.deploymentId,
    image: release.image,
    git_ref: release.gitRef,
    created_at: release.createdAt.toISOString(),
    current: release.id === app.currentReleaseId,
  };
}
