// Starts the whole API for tests, with a real database, blob store and Redis.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { newApiToken, openSigningKeys, openUrlSigner } from "@slipway/auth";
import type { UrlSigner } from "@slipway/auth";
import type { BlobStore, Store, User } from "@slipway/core";
import type { AppAnswer, AppBody } from "@slipway/protocol";
import { createLogger } from "@slipway/service";
import { openBlobs, openStore } from "@slipway/store";
import { aName, aUser, freePort, startRedis, unexpected } from "@slipway/testkit";
import type { TestRedis } from "@slipway/testkit";
import { startApi } from "../src/app.ts";
import type { ApiService, ApiTiming } from "../src/app.ts";
import { readConfig } from "../src/config.ts";
import type { ApiConfig } from "../src/config.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined when it is not JSON. */
  readonly body: unknown;
}

export interface TestUser {
  readonly user: User;
  /** An API token of the user. */
  readonly token: string;
}

export interface TestApi extends AsyncDisposable {
  readonly url: string;
  readonly config: ApiConfig;
  /** The API's database, opened a second time. `blobs` is opened a second time too. */
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly redis: TestRedis;
  readonly service: ApiService;
  /** The API's log lines at level error. */
  readonly errors: readonly string[];
  readonly operatorToken: string;
  /** Signs URLs as the API does. */
  readonly urlSigner: UrlSigner;
  /** Stops the API with a grace time of one second. */
  stop(): Promise<void>;
  /** Creates a user with an API token. */
  newUser(values?: Partial<User>): Promise<TestUser>;
  /** Creates an app of the token's user by a request. @param fields fields of the request; by default only a new name. */
  createApp(token: string, fields?: object): Promise<AppBody>;
  /** Sends a request. @param token the bearer token; null for none. */
  request(token: string | null, method: string, path: string, body?: unknown): Promise<Answer>;
}

export async function startTestApi(
  settings: Readonly<Record<string, string>> = {},
  timing: ApiTiming = {},
): Promise<TestApi> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "slipway-api-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const redis = opened.use(await startRedis());
  const operatorToken = newApiToken().secret;
  const config = readConfig({
    API_PORT: String(await freePort()),
    DATA_DIR: directory,
    REDIS_URL: redis.url,
    INSTALLATION_ID: `test-${randomUUID().slice(0, 8)}`,
    SIGNING_KEY: "0123456789abcdef".repeat(4),
    BOOTSTRAP_TOKEN: operatorToken,
    ...settings,
  });
  const errors: string[] = [];
  const destination = { write: (line: string) => void errors.push(line) };
  const api = await startApi(config, createLogger({ name: "api", level: "error", destination }), timing);
  opened.defer(() => api.stop({ graceMs: 1_000 }));
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  const blobs = opened.use(await openBlobs({ url: config.blobsUrl, onError: unexpected }));
  const url = config.urls.api;
  const resources = opened.move();
  return {
    url,
    config,
    store,
    blobs,
    redis,
    service: api,
    errors,
    operatorToken,
    urlSigner: openUrlSigner({
      signingKeys: openSigningKeys({ from: config.auth.signingKeys, onError: () => undefined }),
    }),
    stop: () => api.stop({ graceMs: 1_000 }),
    newUser: (values) => newUser(store, values),
    createApp: async (token, fields = {}) => {
      const body = { app: { name: aName(), ...fields } };
      const answer = await sendRequest(new URL("/v1/apps", url), token, "POST", body);
      return (answer.body as AppAnswer).app;
    },
    request: (token, method, path, body) => sendRequest(new URL(path, url), token, method, body),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Size in bytes of a blob, read to its end; null if it does not exist. */
export async function blobSize(blobs: BlobStore, key: string): Promise<number | null> {
  const blob = await blobs.get(key);
  return blob === null ? null : (await buffer(blob.bytes)).length;
}

async function newUser(store: Store, values: Partial<User> = {}): Promise<TestUser> {
  const user = aUser(values);
  const { secret, secretSha256 } = newApiToken();
  await store.users.create(user);
  const createdAt = new Date();
  await store.tokens.create({
    id: randomUUID(),
    userId: user.id,
    name: "test",
    secretSha256,
    createdAt,
    lastUsedAt: null,
    parentId: null,
  });
  return { user, token: secret };
}

async function sendRequest(url: URL, token: string | null, method: string, body: unknown): Promise<Answer> {
  const headers = new Headers({ "content-type": "application/json" });
  if (token !== null) headers.set("authorization", `Bearer ${token}`);
  const response = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = response.headers.get("content-type")?.startsWith("application/json") === true;
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: json ? (JSON.parse(text) as unknown) : undefined,
  };
}
