// The API's composition root: opens the adapters, starts the server, and stops both in reverse order.

import type { Express } from "express";
import { Redis } from "ioredis";
import { ensureBootstrap, openAuth, openSigningKeys, openUrlSigner } from "@slipway/auth";
import { openLogFeed } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";
import { listWorkers, openHousekeeping, openLanes, openNotifications } from "@slipway/queue";
import { throttledErrorLog } from "@slipway/service";
import type { Logger, Service } from "@slipway/service";
import { openBlobs, openStore } from "@slipway/store";
import type { ApiConfig } from "./config.ts";
import { deploymentContext } from "./deployments/deployment-context.ts";
import { httpApp } from "./http/http-app.ts";
import { openLimits } from "./http/limits.ts";
import type { Limits } from "./http/limits.ts";
import { OutputEvents } from "./output/output-events.ts";
import type { OutputEventsTiming } from "./output/output-events.ts";
import type { ApiContext } from "./api-context.ts";
import { listen } from "./http/server.ts";

/** The longest a request waits for its rate limit counter. */
const limitTimeoutMs = 500;

export interface ApiService extends Service {
  readonly http: Express;
  readonly context: ApiContext;
}

export async function startApi(
  config: ApiConfig,
  logger: Logger,
  events: OutputEventsTiming = {},
): Promise<ApiService> {
  await using opened = new AsyncDisposableStack();
  const stopping = new AbortController();
  const adapters = await openAdapters(config, logger, opened, events);
  const context: ApiContext = { ...adapters, stopping: stopping.signal };
  if (config.auth.bootstrapToken !== undefined) {
    await ensureBootstrap({ store: context.store, token: config.auth.bootstrapToken });
  }
  const http = httpApp(context);
  const server = await listen(http, {
    host: config.server.host,
    port: config.server.port,
    onRefused: ({ id, from, status, code }) =>
      logger.info({ req: { id, from }, res: { status }, code }, "rejected a malformed request"),
    onFailure: (error) => logger.error({ err: error }, "a request handler failed; its connection was closed"),
  });
  const resources = opened.move();
  return {
    http,
    context,
    async stop({ graceMs }) {
      stopping.abort();
      context.outputEvents[Symbol.dispose]();
      await server.stop({ graceMs });
      await resources.disposeAsync();
    },
  };
}

async function openAdapters(
  config: ApiConfig,
  logger: Logger,
  opened: AsyncDisposableStack,
  events: OutputEventsTiming,
): Promise<Omit<ApiContext, "stopping">> {
  const redisUrl = config.redisUrl;
  const keys = redisKeys(config.installationId);
  const onError = (error: unknown) => logger.warn({ err: error }, "the connection to Redis failed");
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  // While Redis is down, a request fails quickly or works without it.
  const redis = opened.adopt(new Redis(redisUrl, { maxRetriesPerRequest: 2 }), (client) =>
    client.disconnect(),
  );
  redis.on("error", onError);
  const signingKeys = openSigningKeys({
    from: config.auth.signingKeys,
    onError: (error) =>
      logger.warn({ err: error }, "cannot read the signing keys; the previous ones stay in use"),
  });
  const { deployments, operations } = store;
  const now = () => new Date();
  const lanes = opened.use(
    openLanes({ redisUrl, keys, deployments, operations, ownerSlots: config.limits.slotsPerOwner, onError }),
  );
  const notifications = opened.use(openNotifications({ redisUrl, keys, onError }));
  const housekeeping = opened.use(openHousekeeping({ redisUrl, keys, onError }));
  const feed = opened.use(
    openLogFeed({
      redis,
      keys,
      store,
      now,
      onError: throttledErrorLog(logger, "followers get no events: Redis or the store failed"),
    }),
  );
  return {
    config,
    logger,
    store,
    blobs: opened.use(
      await openBlobs({
        url: config.blobsUrl,
        onError: (error, message) => logger.warn({ err: error }, message),
      }),
    ),
    redis,
    keys,
    notifications,
    queues: [...lanes.queues, notifications.queue, housekeeping.queue],
    lanes,
    listWorkers: () => listWorkers({ redis, keys, onError: (err, message) => logger.warn({ err }, message) }),
    deployments: deploymentContext({ store, redis, keys, lanes, logger, now }),
    auth: openAuth({ store, signingKeys }),
    limits: limitsOf(config, keys, limitRedis(redisUrl, opened, onError), logger),
    urlSigner: openUrlSigner({ signingKeys }),
    outputEvents: new OutputEvents({
      ...events,
      feed,
      onFailure: (error) => logger.error({ err: error }, "cannot send events; the connection was closed"),
    }),
    now,
  };
}

/** A separate connection with a short timeout, because every request waits for it. */
function limitRedis(url: string, opened: AsyncDisposableStack, onError: (error: unknown) => void): Redis {
  const options = { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: limitTimeoutMs };
  const redis = opened.adopt(new Redis(url, options), (client) => client.disconnect());
  return redis.on("error", onError);
}

function limitsOf(config: ApiConfig, keys: RedisKeys, redis: Redis, logger: Logger): Limits {
  return openLimits({
    redis,
    keyPrefix: keys.limitPrefix,
    ...config.rateLimits,
    onError: throttledErrorLog(
      logger,
      "cannot count requests in Redis; this process applies rate limits to its own requests only",
    ),
  });
}
