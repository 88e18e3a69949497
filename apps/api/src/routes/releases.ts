// GET /v1/apps/:app/releases: what an app may go back to.

import type { App, Release } from "@slipway/core";
import { releasesAnswer } from "@slipway/protocol";
import type { ReleaseBody } from "@slipway/protocol";
import type { Platform } from "../platform.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

const shown = 50;

export function releaseRoutes({ store }: Platform): Route[] {
  return [
    route({
      method: "get",
      path: "/apps/:app/releases",
      summary: `List the app's releases, newest first, the last ${shown}`,
      access: "app:read",
      answer: { status: 200, json: releasesAnswer },
      async handle({ app }) {
        const releases = await store.releases.ofApp(app.id, shown);
        return { releases: releases.map((release) => presentRelease(app, release)) };
      },
    }),
  ];
}

/** Its environment is not shown: it holds the app's secrets. */
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
