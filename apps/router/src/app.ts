// The router's composition root: opens the adapters, starts serving, and stops in the reverse order.

import { randomUUID } from "node:crypto";
import { joinRouters, openRedis } from "@slipway/bus";
import { redisKeys } from "@slipway/protocol";
import { checkHealth, throttledErrorLog } from "@slipway/service";
import type { Logger, Service } from "@slipway/service";
import { openStore } from "@slipway/store";
import { metricsOptions, openMetrics } from "@slipway/telemetry";
import { accessLog } from "./access-log.ts";
import type { RouterConfig } from "./config.ts";
import { followCutovers } from "./cutovers.ts";
import { Routes } from "./routes.ts";
import { listen } from "./server.ts";

export async function startRouter(config: RouterConfig, logger: Logger): Promise<Service> {
  await using opened = new AsyncDisposableStack();
  const onError = throttledErrorLog(
    logger,
    "a part of the router failed; requests use cached routes meanwhile",
  );
  opened.use(await openMetrics(metricsOptions(config, "router", logger)));
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  const redis = opened.adopt(openRedis(config.redisUrl, { maxRetriesPerRequest: 2 }), (client) =>
    client.disconnect(),
  );
  redis.on("error", onError);
  const bus = { redis, keys: redisKeys(config.installationId) };
  const id = randomUUID();
  const routes = opened.use(new Routes(store.apps, onError));
  // The order matters: a cutover waits for every router with a heartbeat, and each of these routers has to receive its message.
  opened.use(await followCutovers({ bus, id, routes, onError }));
  await opened.use(joinRouters(bus, { id, onError })).joined;
  const server = await listen({
    routes,
    onError,
    ...config.server,
    ...config.limits,
    accessLog: accessLog({ logger, level: config.server.accessLogLevel, ...config.server }),
    health: () => checkHealth({ store: () => store.ping(), redis: () => redis.ping() }),
  });
  const resources = opened.move();
  return {
    async stop({ graceMs }) {
      await server.stop({ graceMs });
      await resources.disposeAsync();
    },
  };
}
