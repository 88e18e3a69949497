// The API's composition root: opens the adapters, starts the server, and stops both in reverse order.

import type { Express } from "express";
import { openRedis } from "@slipway/bus";
import type { RedisConnection, RedisRetries } from "@slipway/bus";
import { ensureBootstrap, openAuth, openSigningKeys, openUrlSigner } from "@slipway/auth";
import { sourcePace } from "@slipway/core";
import type { Pace, Store } from "@slipway/core";
import { openLogFeed } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";
import { listWorkers, openHousekeeping, openLanes, openNotifications, setDraining } from "@slipway/queue";
import { throttledErrorLog } from "@slipway/service";
import type { Logger, Service } from "@slipway/service";
import { openBlobs, openStore } from "@slipway/store";
import { metricsOptions, openMetrics, openTraces, traceOptions } from "@slipway/telemetry";
import type { ApiContext } from "./api-context.ts";
import type { ApiConfig } from "./config.ts";
import { deploymentContext } from "./deployments/deployment-context.ts";
import { meanSecondsOf } from "./deployments/wait-estimate.ts";
import { observeStorage } from "./health/storage-metrics.ts";
import { httpApp } from "./http/http-app.ts";
import { openLimits } from "./http/limits.ts";
import type { Limits } from "./http/limits.ts";
import { listen } from "./http/server.ts";
import { OutputEvents } from "./output/output-events.ts";
import type { OutputEventsTiming } from "./output/output-events.ts";
import { recordQueueHistory } from "./queue/queue-history.ts";
import { observeQueue } from "./queue/queue-metrics.ts";

const defaultLimitTimeoutMs = 500;
/** With the pause for the rate limit it is shorter than the time after which `slipway` reports that the API does not respond. */
const defaultRedisLimitMs = 4_000;

/** Durations that tests change. */
export interface ApiTiming extends OutputEventsTiming {
  /** How long a request waits at most for its rate limit counter in Redis. After that, the process counts it in its own memory. */
  readonly limitTimeoutMs?: number;
  /** How long a request waits at most for a response of Redis. After that it fails with 503, or continues without Redis. */
  readonly redisLimitMs?: number;
  /** The minimum rate of uploads. */
  readonly uploadPace?: Pace;
}

export interface ApiService extends Service {
  readonly http: Express;
  readonly context: ApiContext;
}

export async function startApi(
  config: ApiConfig,
  logger: Logger,
  timing: ApiTiming = {},
): Promise<ApiService> {
  await using opened = new AsyncDisposableStack();
  const stopping = new AbortController();
  opened.use(await openMetrics(metricsOptions(config, "api", logger)));
  opened.use(await openTraces(traceOptions(config, "api", logger)));
  const adapters = await openAdapters(config, logger, opened, timing);
  const context: ApiContext = { ...adapters, stopping: stopping.signal };
  if (config.auth.bootstrapToken !== undefined) {
    await ensureBootstrap({ store: context.store, token: config.auth.bootstrapToken });
  }
  opened.use(observeQueue({ ...context, reservedSlots: config.limits.reservedSlots }));
  opened.use(observeStorage(context));
  opened.use(
    recordQueueHistory(
      { ...context, reservedSlots: config.limits.reservedSlots },
      throttledErrorLog(logger, "cannot take a sample of the queue; its history has a gap"),
    ),
  );
  const http = httpApp(context);
  const { host, port } = config.server;
  const server = await listen(http, {
    host,
    port,
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

/** The dependencies for opening each adapter. */
interface Opening {
  readonly config: ApiConfig;
  readonly keys: RedisKeys;
  readonly logger: Logger;
  /** Disposes of the opened adapters. */
  readonly opened: AsyncDisposableStack;
  readonly redisLimitMs: number;
  /** Called when a connection to Redis fails. */
  readonly onError: (error: unknown) => void;
}

async function openAdapters(
  config: ApiConfig,
  logger: Logger,
  opened: AsyncDisposableStack,
  timing: ApiTiming,
): Promise<Omit<ApiContext, "stopping">> {
  const { limitTimeoutMs = defaultLimitTimeoutMs, uploadPace = sourcePace, ...others } = timing;
  const { redisLimitMs = defaultRedisLimitMs, ...events } = others;
  const keys = redisKeys(config.installationId);
  const now = () => new Date();
  const onError = (error: unknown) => logger.warn({ err: error }, "the connection to Redis failed");
  const opening = { config, keys, logger, opened, redisLimitMs, onError };
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  const blobs = opened.use(
    await openBlobs({
      url: config.blobsUrl,
      onError: (error, message) => logger.warn({ err: error }, message),
    }),
  );
  // While Redis is down or frozen, a request fails soon or works without it.
  const redis = connectToRedis(opening, { maxRetriesPerRequest: 2, commandTimeout: redisLimitMs });
  const queues = openQueues(opening, store);
  const onFleetError = (err: unknown, message: string) => logger.warn({ err }, message);
  const fleet = { redis, keys, onError: onFleetError };
  return {
    config,
    logger,
    store,
    blobs,
    redis,
    keys,
    now,
    uploadPace,
    redisLimitMs,
    ...queues,
    ...openIdentities(opening, store),
    listWorkers: () => listWorkers(fleet),
    meanSeconds: meanSecondsOf({ store, now }),
    setDraining: (workerId, isDraining) => setDraining(fleet, workerId, isDraining),
    deployments: deploymentContext({ store, redis, keys, lanes: queues.lanes, logger, now }),
    limits: openRateLimits(opening, limitTimeoutMs),
    outputEvents: openOutputEvents(opening, { redis, store, now }, events),
  };
}

function connectToRedis({ config, opened, onError }: Opening, options: RedisRetries): RedisConnection {
  const redis = opened.adopt(openRedis(config.redisUrl, options), (client) => client.disconnect());
  return redis.on("error", onError);
}

function openQueues(
  { config, keys, opened, redisLimitMs: limitMs, onError }: Opening,
  { apps, deployments, operations }: Store,
) {
  const { redisUrl } = config;
  const { slotsPerOwner: ownerSlots, reservedSlots } = config.limits;
  const lanes = opened.use(
    openLanes({ redisUrl, keys, apps, deployments, operations, ownerSlots, reservedSlots, limitMs, onError }),
  );
  const notifications = opened.use(openNotifications({ redisUrl, keys, limitMs, onError }));
  const housekeeping = opened.use(openHousekeeping({ redisUrl, keys, onError }));
  return { lanes, notifications, queues: [...lanes.queues, notifications.queue, housekeeping.queue] };
}

/** Authentication of users, and of signed URLs. */
function openIdentities({ config, logger }: Opening, store: Store): Pick<ApiContext, "auth" | "urlSigner"> {
  const signingKeys = openSigningKeys({
    from: config.auth.signingKeys,
    onError: (error) =>
      logger.warn({ err: error }, "cannot read the signing keys; the previous ones stay in use"),
  });
  return { auth: openAuth({ store, signingKeys }), urlSigner: openUrlSigner({ signingKeys }) };
}

/** Uses a separate connection with a short timeout, because every request waits for it. */
function openRateLimits(opening: Opening, commandTimeout: number): Limits {
  const { config, keys, logger } = opening;
  return openLimits({
    redis: connectToRedis(opening, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout,
    }),
    keyPrefix: keys.limitPrefix,
    ...config.rateLimits,
    onError: throttledErrorLog(
      logger,
      "cannot count requests in Redis; this process applies rate limits to its own requests only",
    ),
  });
}

function openOutputEvents(
  { keys, logger, opened }: Opening,
  { redis, store, now }: Pick<ApiContext, "redis" | "store" | "now">,
  timing: OutputEventsTiming,
): OutputEvents {
  const onError = throttledErrorLog(logger, "followers get no events: Redis or the store failed");
  const feed = opened.use(openLogFeed({ bus: { redis, keys }, store, now, onError }));
  return new OutputEvents({
    ...timing,
    feed,
    onFailure: (error) => logger.error({ err: error }, "cannot send events; the connection was closed"),
  });
}
