// An installation for the benchmark "scale": a store, a Redis, lanes and a separate API process.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { retry } from "@slipway/async";
import { newApiToken } from "@slipway/auth";
import type { Store } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";
import { openLanes } from "@slipway/queue";
import type { Lanes } from "@slipway/queue";
import { openStore } from "@slipway/store";
import { freePort, startMongo, startPrivateRedis, unexpected } from "@slipway/testkit";
import { fill, queueWaiting } from "./fill.ts";
import type { Sizes } from "./fill.ts";

export type StoreKind = "sqlite" | "mongodb";

export interface Installation extends AsyncDisposable {
  readonly sizes: Sizes;
  readonly store: Store;
  readonly redis: Redis;
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly lanes: Lanes;
  /** Redis's memory for one waiting app. */
  readonly bytesPerWaiting: number;
  /** Sends a request to the API. @throws an error unless it succeeds. */
  readonly request: (method: string, path: string, body?: unknown) => Promise<void>;
}

const startMs = 60_000;
const apiFile = join(import.meta.dirname, "../../apps/api/src/main.ts");

export async function openInstallation(kind: StoreKind, sizes: Sizes): Promise<Installation> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "slipway-scale-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const path = kind === "sqlite" ? join(folder, "slipway.db") : null;
  const databaseUrl = path === null ? opened.use(await startMongo()).url : `file:${path}`;
  const { url: redisUrl } = opened.use(await startPrivateRedis());
  const redis = opened.adopt(new Redis(redisUrl), (client) => client.disconnect());
  const store = opened.use(await openStore({ databaseUrl }));
  const installationId = `test-${randomUUID().slice(0, 8)}`;
  const keys = redisKeys(installationId);
  const { apps, deployments, operations } = store;
  const lanes = opened.use(openLanes({ redisUrl, keys, apps, deployments, operations, onError: unexpected }));
  await fill(store, path, sizes);
  const before = await usedMemory(redis);
  await queueWaiting({ store, lanes }, 0, sizes.waiting);
  const bytesPerWaiting = (await usedMemory(redis)) / sizes.waiting - before / sizes.waiting;
  const request = await startApi(opened, {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    INSTALLATION_ID: installationId,
    DATA_DIR: folder,
  });
  const owned = opened.move();
  const parts = { sizes, store, redis, redisUrl, keys, lanes, bytesPerWaiting, request };
  return { ...parts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function startApi(
  opened: AsyncDisposableStack,
  environment: Readonly<Record<string, string>>,
): Promise<Installation["request"]> {
  const port = await freePort();
  const token = newApiToken().secret;
  const api = spawn(process.execPath, [apiFile], {
    env: {
      ...environment,
      API_PORT: String(port),
      BOOTSTRAP_TOKEN: token,
      SIGNING_KEY: "0123456789abcdef".repeat(4),
      RATE_LIMIT: "0",
      LOG_LEVEL: "error",
      PATH: process.env.PATH,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(api, "exit");
  opened.defer(async () => {
    api.kill("SIGTERM");
    await ended;
  });
  const request: Installation["request"] = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${text}`);
  };
  const isReady = () => request("GET", "/apps/app-longest");
  await retry(isReady, { limitMs: startMs, isRetryable: () => true, pauseMs: () => 100 });
  return request;
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
}
