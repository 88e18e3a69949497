// DELETE /v1/apps/:app/caches/deployment: the next build starts without a cache.

import { cacheBlobPrefix, notFound } from "@slipway/core";
import type { BlobStore, Store } from "@slipway/core";
import { updateLiveApp } from "@slipway/deployments";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

export interface CacheContext {
  readonly store: Pick<Store, "apps">;
  readonly blobs: Pick<BlobStore, "deletePrefix">;
  readonly now: () => Date;
}

export function cacheRoutes({ store, blobs, now }: CacheContext): Route[] {
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
