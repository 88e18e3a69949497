// GET /health: whether this process can serve requests. GET /: the URLs of the API.

import type { IRouter } from "express";
import type { RedisConnection } from "@slipway/bus";
import type { BlobStore, Store } from "@slipway/core";
import { checkHealth, healthResponse } from "@slipway/service";
import type { Logger } from "@slipway/service";

export interface HealthContext {
  readonly store: Pick<Store, "ping">;
  readonly blobs: Pick<BlobStore, "ping">;
  readonly redis: Pick<RedisConnection, "ping">;
  readonly logger: Pick<Logger, "warn">;
  readonly apiUrl: string;
}

/** Logs the reasons of a failure instead of returning them: they may name hosts. */
export function addHealthRoutes(router: IRouter, context: HealthContext): void {
  const { store, blobs, redis, logger, apiUrl: url } = context;
  const checks = {
    store: () => store.ping(),
    blobs: () => blobs.ping(),
    redis: () => redis.ping(),
  };
  router.get("/health", async (_request, response) => {
    const health = await checkHealth(checks);
    if (!health.ok) logger.warn({ parts: health.parts }, "not healthy");
    const { status, body } = healthResponse(health);
    response.status(status).set("Cache-Control", "no-store").json(body);
  });
  router.get("/", (_request, response) => {
    response.json({ name: "slipway", api: `${url}/v1`, queues: `${url}/queues`, health: `${url}/health` });
  });
}
