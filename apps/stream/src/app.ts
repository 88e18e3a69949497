// The stream's composition root: opens the adapters, starts serving, and stops in the reverse order.

import { Redis } from "ioredis";
import { openAuth, openSigningKeys } from "@slipway/auth";
import { openLogFeed } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import { checkHealth, throttledErrorLog } from "@slipway/service";
import type { Logger, Service } from "@slipway/service";
import { openStore } from "@slipway/store";
import type { StreamConfig } from "./config.ts";
import { Connections } from "./connections.ts";
import { defaultLimits } from "./platform.ts";
import type { ConnectionLimits } from "./platform.ts";
import { listen } from "./server.ts";
import { openSocketIo } from "./socket-io.ts";

export async function startStream(
  config: StreamConfig,
  logger: Logger,
  limits: Partial<ConnectionLimits> = {},
): Promise<Service> {
  await using opened = new AsyncDisposableStack();
  const now = () => new Date();
  const onError = throttledErrorLog(logger, "followers wait: Redis or the store failed");
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  const redis = opened.adopt(new Redis(config.REDIS_URL, { maxRetriesPerRequest: 2 }), (client) =>
    client.disconnect(),
  );
  redis.on("error", onError);
  const keys = redisKeys(config.INSTALLATION_ID);
  const signingKeys = openSigningKeys({
    from: config.signingKeys,
    onError: (error) => logger.warn({ err: error }, "the former signing keys are used on"),
  });
  const auth = openAuth({ store, signingKeys });
  const feed = opened.use(openLogFeed({ redis, keys, store, now, onError }));
  const { apps, collaborators, deployments } = store;
  const platform = { auth, apps, collaborators, deployments, feed, logger, now };
  const bounds = { ...defaultLimits, ...limits };
  const connections = opened.use(new Connections(platform, bounds));
  const health = async () => {
    const found = await checkHealth({ store: () => store.ping(), redis: () => redis.ping() });
    if (!found.ok) logger.warn({ parts: found.parts }, "not healthy");
    return found;
  };
  const socketIo = openSocketIo({
    platform,
    connections,
    limits: bounds,
    corsOrigins: config.CORS_ORIGINS,
    trustedProxies: config.TRUST_PROXY,
  });
  const server = await listen(connections, {
    host: config.STREAM_HOST,
    port: config.STREAM_PORT,
    trustedProxies: config.TRUST_PROXY,
    socketIo,
    onFailure: (error) => logger.error({ err: error }, "a handler failed; its connection is closed"),
    health,
  });
  const resources = opened.move();
  return {
    async stop({ graceMs }) {
      server.close();
      await connections.drain(graceMs);
      await socketIo.close();
      server.closeAllConnections();
      await resources.disposeAsync();
    },
  };
}
