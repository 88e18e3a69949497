// DELETE /v1/apps/:app/caches/deployment: the next build starts without a cache.

import { cacheBlobPrefix, notFound } from "@slipway/core";
import { updateLiveApp } from "@slipway/deployments";
import type { Platform } from "../platform.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

export function cacheRoutes({ store, blobs, now }: Platform): Route[] {
  return [
    route({
      method: "delete",
      path: "/apps/:app/caches/deployment",
      summary: "Delete the app's build cache",
      access: "caches:delete",
      answer: { status: 204 },
      async handle({ app }) {
        // With the version raised, what a running build saves later is not found either.
        const changed = await updateLiveApp(store.apps, app.id, now(), ({ cacheVersion }) => ({
          cacheVersion: cacheVersion + 1,
        }));
        if (changed === null) throw notFound("app");
        await blobs.deletePrefix(cacheBlobPrefix(app.id));
      },
    }),
  ];
}
