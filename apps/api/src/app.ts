// The API's composition root: opens the adapters, starts serving, and stops in the reverse order.

import type { Express } from "express";
import { Redis } from "ioredis";
import { ensureBootstrap, openAuth, openSigningKeys, openUrlSigner } from "@slipway/auth";
import { openLogFeed } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";
import { openHousekeeping, openLanes, openNotifications } from "@slipway/queue";
import type { Logger, Service } from "@slipway/service";
import { openBlobs, openStore } from "@slipway/store";
import type { ApiConfig } from "./config.ts";
import { deploymentContext } from "./deployment-context.ts";
import { httpApp } from "./http-app.ts";
import { openLimits } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { OutputEvents } from "./output-events.ts";
import type { OutputEventsTiming } from "./output-events.ts";
import type { Platform } from "./platform.ts";
import { listen } from "./server.ts";

/** A request waits this long for its count. */
const countMs = 500;
/** With Redis away each request would tell. */
const tellEveryMs = 10_000;

export interface ApiService extends Service {
  readonly http: Express;
  readonly platform: Platform;
}

export async function startApi(
  config: ApiConfig,
  logger: Logger,
  events: OutputEventsTiming = {},
): Promise<ApiService> {
  await using opened = new AsyncDisposableStack();
  const stopping = new AbortController();
  const opening = await openPlatform(config, logger, opened, events);
  const platform: Platform = { ...opening, stopping: stopping.signal };
  if (config.BOOTSTRAP_TOKEN !== undefined) {
    await ensureBootstrap({ store: platform.store, token: config.BOOTSTRAP_TOKEN });
  }
  const http = httpApp(platform);
  const server = await listen(http, {
    host: config.API_HOST,
    port: config.API_PORT,
    onRefused: ({ id, from, status, code }) =>
      logger.info({ req: { id, from }, res: { status }, code }, "a request could not be read"),
    onFailure: (error) => logger.error({ err: error }, "a handler failed; its connection is closed"),
  });
  const resources = opened.move();
  return {
    http,
    platform,
    async stop({ graceMs }) {
      stopping.abort();
      platform.outputEvents[Symbol.dispose]();
      await server.stop({ graceMs });
      await resources.disposeAsync();
    },
  };
}

async function openPlatform(
  config: ApiConfig,
  logger: Logger,
  opened: AsyncDisposableStack,
  events: OutputEventsTiming,
): Promise<Omit<Platform, "stopping">> {
  const redisUrl = config.REDIS_URL;
  const keys = redisKeys(config.INSTALLATION_ID);
  const onError = (error: unknown) => logger.warn({ err: error }, "the connection to Redis failed");
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  // A request must not wait for a Redis that is away: it fails, or does without.
  const redis = opened.adopt(new Redis(redisUrl, { maxRetriesPerRequest: 2 }), (client) =>
    client.disconnect(),
  );
  redis.on("error", onError);
  const signingKeys = openSigningKeys({
    from: config.signingKeys,
    onError: (error) => logger.warn({ err: error }, "the former signing keys are used on"),
  });
  const { deployments, operations } = store;
  const onFeedError = (error: unknown) =>
    logger.warn({ err: error }, "followers wait: Redis or the store failed");
  const now = () => new Date();
  const lanes = opened.use(
    openLanes({ redisUrl, keys, deployments, operations, ownerSlots: config.OWNER_SLOTS, onError }),
  );
  const feed = opened.use(openLogFeed({ redis, keys, store, now, onError: onFeedError }));
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
    notifications: opened.use(openNotifications({ redisUrl, keys, onError })),
    housekeeping: opened.use(openHousekeeping({ redisUrl, keys, onError })),
    lanes,
    deployments: deploymentContext({ store, redis, keys, lanes, logger, now }),
    auth: openAuth({ store, signingKeys }),
    limits: limitsOf(config, keys, limitRedis(redisUrl, opened, onError), logger),
    urlSigner: openUrlSigner({ signingKeys }),
    outputEvents: new OutputEvents({
      ...events,
      feed,
      onFailure: (error) => logger.error({ err: error }, "cannot send events; the connection is closed"),
    }),
    now,
  };
}

/** A connection of its own: every request waits for the count, so it is given up soon. */
function limitRedis(url: string, opened: AsyncDisposableStack, onError: (error: unknown) => void): Redis {
  const options = { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: countMs };
  const redis = opened.adopt(new Redis(url, options), (client) => client.disconnect());
  return redis.on("error", onError);
}

function limitsOf(config: ApiConfig, keys: RedisKeys, redis: Redis, logger: Logger): Limits {
  let toldAt = Number.NEGATIVE_INFINITY;
  return openLimits({
    redis,
    keyPrefix: keys.limitPrefix,
    tokenPerMinute: config.RATE_LIMIT,
    pollsPerMinute: config.RATE_LIMIT_POLLS,
    addressPerMinute: config.RATE_LIMIT_ADDRESS,
    loginAttempts: config.LOGIN_ATTEMPTS,
    onError: (error) => {
      if (performance.now() - toldAt < tellEveryMs) return;
      toldAt = performance.now();
      logger.warn({ err: error }, "Redis does not count requests: this process counts its own");
    },
  });
}
