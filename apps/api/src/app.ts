// The API's composition root: opens the adapters, starts serving, and stops in the reverse order.

import { Redis } from "ioredis";
import { ensureBootstrap, openAuth, openSigningKeys, openUrlSigner } from "@slipway/auth";
import { openLogFeed } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import { openLanes } from "@slipway/queue";
import type { Logger, Service } from "@slipway/service";
import { openBlobs, openStore } from "@slipway/store";
import type { ApiConfig } from "./config.ts";
import { httpApp } from "./http-app.ts";
import { OutputEvents } from "./output-events.ts";
import type { Platform } from "./platform.ts";
import { listen } from "./server.ts";

export async function startApi(config: ApiConfig, logger: Logger): Promise<Service> {
  await using opened = new AsyncDisposableStack();
  const platform = await openPlatform(config, logger, opened);
  if (config.BOOTSTRAP_TOKEN !== undefined) {
    await ensureBootstrap({ store: platform.store, token: config.BOOTSTRAP_TOKEN });
  }
  const server = await listen(httpApp(platform), { host: config.API_HOST, port: config.API_PORT });
  const resources = opened.move();
  return {
    async stop({ graceMs }) {
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
): Promise<Platform> {
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
    onTrouble: (error) => logger.warn({ err: error }, "the former signing keys are used on"),
  });
  const { deployments } = store;
  const onTrouble = (error: unknown) =>
    logger.warn({ err: error }, "followers wait: Redis or the store failed");
  const now = () => new Date();
  const feed = opened.use(openLogFeed({ redis, keys, store, now, onTrouble }));
  return {
    config,
    logger,
    store,
    blobs: await openBlobs({ url: config.blobsUrl }),
    redis,
    keys,
    lanes: opened.use(openLanes({ redisUrl, keys, deployments, ownerSlots: config.OWNER_SLOTS, onError })),
    auth: openAuth({ store, signingKeys }),
    urlSigner: openUrlSigner({ signingKeys }),
    outputEvents: new OutputEvents({ feed }),
    now,
  };
}
