// An installation for the benchmark "scale": a store, a Redis, lanes and a separate API process.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { on, once } from "node:events";
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
import { aUser, anApiToken, freePort, startMongo, startPrivateRedis, unexpected } from "@slipway/testkit";
import { fill, ownerOf, queueWaiting } from "./fill.ts";
import type { Sizes } from "./fill.ts";
import { isPauses } from "./pauses.ts";
import type { Pauses } from "./pauses.ts";

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
  /** Sends a request of an operator to the API. @throws an error unless it succeeds. */
  readonly request: Request;
  /** The same, as a user who owns ten apps. */
  readonly requestAsUser: Request;
  /** The longest pause of the API's event loop since the last call, and its memory. */
  readonly pauses: () => Promise<Pauses>;
}

type Request = (method: string, path: string, body?: unknown) => Promise<void>;

const startMs = 60_000;
const pausesFile = join(import.meta.dirname, "pauses.ts");
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
  const userToken = await tokenOf(store, ownerOf(0));
  const api = await startApi(opened, userToken, {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    INSTALLATION_ID: installationId,
    DATA_DIR: folder,
  });
  const owned = opened.move();
  const parts = { sizes, store, redis, redisUrl, keys, lanes, bytesPerWaiting, ...api };
  return { ...parts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function tokenOf(store: Store, userId: string): Promise<string> {
  const { secret, secretSha256 } = newApiToken();
  await store.users.create(aUser({ id: userId }));
  await store.tokens.create(anApiToken({ userId, secretSha256 }));
  return secret;
}

async function startApi(
  opened: AsyncDisposableStack,
  userToken: string,
  environment: Readonly<Record<string, string>>,
): Promise<Pick<Installation, "request" | "requestAsUser" | "pauses">> {
  const port = await freePort();
  const token = newApiToken().secret;
  const api = spawn(process.execPath, ["--import", pausesFile, apiFile], {
    env: {
      ...environment,
      API_PORT: String(port),
      BOOTSTRAP_TOKEN: token,
      SIGNING_KEY: "0123456789abcdef".repeat(4),
      RATE_LIMIT: "0",
      LOG_LEVEL: "error",
      PATH: process.env.PATH,
    },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = once(api, "exit");
  opened.defer(async () => {
    api.kill("SIGTERM");
    await ended;
  });
  const request = requestTo(`http://127.0.0.1:${port}/v1`, token);
  const requestAsUser = requestTo(`http://127.0.0.1:${port}/v1`, userToken);
  const isReady = () => request("GET", "/apps/app-longest");
  await retry(isReady, { limitMs: startMs, isRetryable: () => true, pauseMs: () => 100 });
  return { request, requestAsUser, pauses: () => pausesOf(api) };
}

function requestTo(baseUrl: string, token: string): Request {
  return async (method, path, body) => {
    const answer = await fetch(baseUrl + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${text}`);
  };
}

async function pausesOf(api: ChildProcess): Promise<Pauses> {
  api.send("pauses");
  // The API also reports to its supervisor over this channel.
  for await (const [message] of on(api, "message")) if (isPauses(message)) return message;
  throw new Error("the API has ended");
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
}
