// GET /health: whether this process can serve requests. GET /: the URLs of the API.

import type { IRouter } from "express";
import { checkHealth, healthResponse } from "@slipway/service";
import type { ApiContext } from "../api-context.ts";

/** Logs the reasons of a failure instead of returning them: they may name hosts. */
export function addHealthRoutes(router: IRouter, context: ApiContext): void {
  const { store, blobs, redis, logger } = context;
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
  const url = context.config.urls.api;
  router.get("/", (_request, response) => {
    response.json({ name: "slipway", api: `${url}/v1`, queues: `${url}/queues`, health: `${url}/health` });
  });
}
