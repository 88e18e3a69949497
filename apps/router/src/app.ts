// The router's composition root: opens the adapters, starts serving, and stops in the reverse order.

import { randomUUID } from "node:crypto";
import { joinRouters, openRedis } from "@slipway/bus";
import { redisKeys } from "@slipway/protocol";
import { checkHealth, throttledErrorLog } from "@slipway/service";
import type { Logger, Service } from "@slipway/service";
import { openStore } from "@slipway/store";
import { isMeasured, metricsOptions, openMetrics } from "@slipway/telemetry";
import { accessLog, requestLines } from "./access-log.ts";
import type { RouterConfig } from "./config.ts";
import { followCutovers } from "./cutovers.ts";
import { openHaproxy } from "./haproxy/haproxy.ts";
import type { Haproxy } from "./haproxy/haproxy.ts";
import type { HaproxyProcess } from "./haproxy/process.ts";
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
  const haproxy = await haproxyOf(config, routes, logger, onError);
  if (haproxy !== null) opened.use(haproxy);
  const fastRoutes = haproxy?.fastRoutes ?? null;
  // The order matters: a cutover waits for every router with a heartbeat, and each of these routers has to receive its message.
  opened.use(await followCutovers({ bus, id, routes, fastRoutes, onError }));
  await opened.use(joinRouters(bus, { id, onError })).joined;
  const { host, port } = config.server;
  const server = await listen({
    routes,
    onError,
    ...config.server,
    ...config.limits,
    address: haproxy === null ? { host, port } : { path: haproxy.routerSocket },
    onPlainRequest: fastRoutes === null ? undefined : (appName) => fastRoutes.offer(appName),
    accessLog: accessLog({ logger, level: config.server.accessLogLevel, ...config.server }),
    health: () => checkHealth({ store: () => store.ping(), redis: () => redis.ping() }),
  });
  const front = haproxy === null ? null : await startFront(haproxy, server);
  const resources = opened.move();
  return {
    async stop({ graceMs }) {
      server.closeWebSockets();
      // The requests that HAProxy still receives may need the router.
      await front?.stop(graceMs);
      await server.stop({ graceMs });
      await resources.disposeAsync();
    },
  };
}

async function haproxyOf(
  config: RouterConfig,
  routes: Routes,
  logger: Logger,
  onError: (error: unknown) => void,
): Promise<Haproxy | null> {
  if (config.haproxy === null) return null;
  const settings = {
    ...config.haproxy,
    ...config.server,
    timeoutMs: config.limits.timeoutMs,
    isMeasured: isMeasured(),
    writeRequest: requestLines({ logger, level: config.server.accessLogLevel }),
  };
  return openHaproxy(settings, routes, logger, onError);
}

async function startFront(haproxy: Haproxy, server: Service): Promise<HaproxyProcess> {
  try {
    return await haproxy.start();
  } catch (error) {
    await server.stop({ graceMs: 0 });
    throw error;
  }
}
