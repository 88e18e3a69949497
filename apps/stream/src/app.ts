// The stream's composition root: opens the adapters, starts serving, and stops in the reverse order.

import { openRedis } from "@slipway/bus";
import { openAuth, openSigningKeys } from "@slipway/auth";
import { openLogFeed } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import { checkHealth, throttledErrorLog } from "@slipway/service";
import type { Logger, Service } from "@slipway/service";
import { openStore } from "@slipway/store";
import { metricsOptions, openMetrics } from "@slipway/telemetry";
import { openAuthorization } from "./authorization.ts";
import type { StreamConfig } from "./config.ts";
import { Connections } from "./connections.ts";
import { closingMs, defaultLimits } from "./limits.ts";
import type { ConnectionLimits } from "./limits.ts";
import { listen } from "./server.ts";
import { openSocketIo } from "./socket-io.ts";

/** @param overrides limits that differ from the defaults. */
export async function startStream(
  config: StreamConfig,
  logger: Logger,
  overrides: Partial<ConnectionLimits> = {},
): Promise<Service> {
  await using opened = new AsyncDisposableStack();
  const now = () => new Date();
  const onError = throttledErrorLog(logger, "followers are delayed: Redis or the store failed");
  opened.use(await openMetrics(metricsOptions(config, "stream", logger)));
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  const redis = opened.adopt(openRedis(config.redisUrl, { maxRetriesPerRequest: 2 }), (client) =>
    client.disconnect(),
  );
  redis.on("error", onError);
  const keys = redisKeys(config.installationId);
  const signingKeys = openSigningKeys({
    from: config.auth.signingKeys,
    onError: (error) =>
      logger.warn({ err: error }, "cannot read the signing keys; the previous ones stay in use"),
  });
  const auth = openAuth({ store, signingKeys });
  const feed = opened.use(openLogFeed({ bus: { redis, keys }, store, now, onError }));
  const authorization = openAuthorization({ auth, ...store });
  const context = { authorization, feed, logger, now };
  const limits = { ...defaultLimits, ...overrides };
  const connections = opened.use(new Connections(context, limits));
  const health = async () => {
    const checked = await checkHealth({ store: () => store.ping(), redis: () => redis.ping() });
    if (!checked.ok) logger.warn({ parts: checked.parts }, "the health check failed");
    return checked;
  };
  const { host, port, trustedProxies, corsOrigins } = config.server;
  const socketIo = openSocketIo({ context, connections, limits, corsOrigins, trustedProxies });
  const server = await listen(connections, {
    host,
    port,
    trustedProxies,
    socketIo,
    onFailure: (error) => logger.error({ err: error }, "a handler failed; its connection is closed"),
    health,
  });
  const resources = opened.move();
  return {
    async stop({ graceMs }) {
      await server.stop({
        graceMs: graceMs + closingMs,
        drain: async () => {
          await connections.drain(graceMs);
          await socketIo.close();
        },
      });
      await resources.disposeAsync();
    },
  };
}
