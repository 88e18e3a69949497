// GET /health and GET /: whether this process can serve, and what it is.

import type { IRouter } from "express";
import { checkHealth, shownHealth } from "@slipway/service";
import type { Platform } from "../platform.ts";

/** Reasons go to the log, not to whoever asks: they may name hosts. */
export function addHealthRoutes(router: IRouter, platform: Platform): void {
  const { store, blobs, redis, logger } = platform;
  const checks = {
    store: () => store.ping(),
    blobs: () => blobs.ping(),
    redis: () => redis.ping(),
  };
  router.get("/health", async (_request, response) => {
    const health = await checkHealth(checks);
    if (!health.ok) logger.warn({ parts: health.parts }, "not healthy");
    const { status, body } = shownHealth(health);
    response.status(status).set("Cache-Control", "no-store").json(body);
  });
  const url = platform.config.PUBLIC_API_URL;
  router.get("/", (_request, response) => {
    response.json({ name: "slipway", api: `${url}/v1`, queues: `${url}/queues`, health: `${url}/health` });
  });
}
