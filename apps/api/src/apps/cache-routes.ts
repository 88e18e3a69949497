// DELETE /v1/apps/:app/caches/deployment: the next build starts without a cache.

import { cacheBlobPrefix, notFound } from "@slipway/core";
import { updateLiveApp } from "@slipway/deployments";
import type { ApiContext } from "../api-context.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

export function cacheRoutes({ store, blobs, now }: ApiContext): Route[] {
  return [
    route({
      method: "delete",
      path: "/apps/:app/caches/deployment",
      summary: "Delete the app's build cache",
      access: "caches:delete",
      answer: { status: 204 },
      async handle({ app }) {
        // Later builds look for the new version, so they do not find a cache that a running build saves after the deletion.
        const changed = await updateLiveApp(store.apps, app.id, now(), ({ cacheVersion }) => ({
          cacheVersion: cacheVersion + 1,
        }));
        if (changed === null) throw notFound("app");
        await blobs.deletePrefix(cacheBlobPrefix(app.id));
      },
    }),
  ];
}
