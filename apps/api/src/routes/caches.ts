// DELETE /v1/apps/:app/caches/deployment: the next build starts without a cache.

import type { Router } from "express";
import { cacheBlobPrefix, notFound } from "@slipway/core";
import { changeLiveApp } from "../change.ts";
import { appOf } from "../middleware/load-app.ts";
import type { Platform } from "../platform.ts";

export function addCacheRoutes(router: Router, { store, blobs, now }: Platform): void {
  router.delete("/apps/:app/caches/deployment", async (_request, response) => {
    const { id } = appOf(response);
    // With the version raised, what a running build saves later is not found either.
    const app = await changeLiveApp(store, id, now(), ({ cacheVersion }) => ({
      cacheVersion: cacheVersion + 1,
    }));
    if (app === null) throw notFound("app");
    await blobs.deletePrefix(cacheBlobPrefix(id));
    response.status(204).end();
  });
}
