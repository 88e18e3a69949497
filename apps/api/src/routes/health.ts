// GET /health and GET /: whether this process can serve, and what it is.

import type { IRouter } from "express";
import { checkHealth } from "@slipway/service";
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
    const { ok, parts } = await checkHealth(checks);
    if (!ok) logger.warn({ parts }, "not healthy");
    const shown = Object.entries(parts).map(([part, state]) => [part, state === "ok" ? "ok" : "down"]);
    response
      .status(ok ? 200 : 503)
      .set("Cache-Control", "no-store")
      .json({ status: ok ? "ok" : "down", parts: Object.fromEntries(shown) });
  });
  const url = platform.config.PUBLIC_API_URL;
  router.get("/", (_request, response) => {
    response.json({ name: "slipway", api: `${url}/v1`, queues: `${url}/queues`, health: `${url}/health` });
  });
}
