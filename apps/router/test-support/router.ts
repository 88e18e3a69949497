// Starts the router for tests, on a real database and a real Redis, with HTTP servers as apps.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { Agent, IncomingHttpHeaders, IncomingMessage, RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Redis } from "ioredis";
import { changeApp } from "@slipway/core";
import type { Address, App, Store } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { createLogger } from "@slipway/service";
import type { Service } from "@slipway/service";
import { openStore } from "@slipway/store";
import { anApp, cutServer, freePort, lacksHaproxy, startPrivateRedis } from "@slipway/testkit";
import type { PrivateRedis } from "@slipway/testkit";
import { startRouter } from "../src/app.ts";
import { readConfig } from "../src/config.ts";
import type { RouterConfig } from "../src/config.ts";

interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface RequestOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<Uint8Array>;
  readonly agent?: Agent;
}

export interface RouterKind {
  readonly name: string;
  readonly hasHaproxy: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

const alone: RouterKind = { name: "alone", hasHaproxy: false, settings: {} };
const behindHaproxy: RouterKind = {
  name: "behind HAProxy",
  hasHaproxy: true,
  settings: { ROUTER_HAPROXY: "haproxy" },
};
/** The kinds of routers that have the same behavior, for `describe.each`. Without HAProxy on this machine it is one. */
export const routerKinds: readonly RouterKind[] = [alone, ...((await lacksHaproxy()) ? [] : [behindHaproxy])];

export interface TestRouter extends AsyncDisposable {
  readonly port: number;
  readonly service: Service;
  readonly store: Store;
  readonly redis: PrivateRedis;
  /** The router's log lines at level debug and above. */
  readonly logLines: readonly string[];
  newApp(values?: Partial<App>): Promise<App>;
  /** Stores a new rollout of the app, as a worker does. @returns the rollout's id. */
  point(app: App, targets: readonly Address[]): Promise<string>;
  /** Stores a new rollout of an app without one. If the router is behind HAProxy, HAProxy has the route afterwards. */
  serve(app: App, targets: readonly Address[]): Promise<void>;
  /** Stores a new rollout of the app, and waits until the router has confirmed the cutover. */
  cutOver(app: App, targets: readonly Address[], drainMs?: number): Promise<void>;
  send(app: App | { readonly name: string }, options?: RequestOptions): Promise<Response>;
}

export async function startTestRouter(settings: Readonly<Record<string, string>> = {}): Promise<TestRouter> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "slipway-router-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const server = opened.use(await startPrivateRedis());
  const config = readConfig({
    ROUTER_PORT: String(await freePort()),
    DATA_DIR: directory,
    REDIS_URL: server.url,
    INSTALLATION_ID: `test-${randomUUID().slice(0, 8)}`,
    ...settings,
  });
  const logLines: string[] = [];
  const destination = { write: (line: string) => void logLines.push(line) };
  const service = await startRouter(config, createLogger({ name: "router", level: "debug", destination }));
  opened.defer(() => service.stop({ graceMs: 0 }));
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  const redis = opened.adopt(new Redis(server.url, { maxRetriesPerRequest: null }), (client) =>
    client.disconnect(),
  );
  redis.on("error", () => undefined);
  const { port } = config.server;
  const controls = controlsOf(config, store, redis);
  const resources = opened.move();
  return {
    port,
    service,
    store,
    redis: server,
    logLines,
    ...controls,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** What a test does to a running router. */
function controlsOf(
  config: RouterConfig,
  store: Store,
  redis: Redis,
): Pick<TestRouter, "newApp" | "point" | "serve" | "cutOver" | "send"> {
  const { port, domain } = config.server;
  const keys = redisKeys(config.installationId);
  const point: TestRouter["point"] = async (app, targets) => {
    const stored = await store.apps.get(app.id);
    if (stored === null) throw new Error("no such app");
    const rolloutId = randomUUID();
    const facts = { currentReleaseId: rolloutId, currentRolloutId: rolloutId, targets };
    if (!(await store.apps.compareAndSet(changeApp(stored, new Date(), facts)))) throw new Error("changed");
    return rolloutId;
  };
  const cutOver: TestRouter["cutOver"] = async (app, targets, drainMs = 10_000) => {
    const rolloutId = await point(app, targets);
    const message = { appId: app.id, switch: { rolloutId, drainMs } };
    while ((await redis.scard(keys.routersCutOver(rolloutId))) === 0) {
      await redis.publish(keys.routesChannel, JSON.stringify(message));
      await turn();
    }
  };
  return {
    newApp: async (values) => {
      const app = anApp(values);
      await store.apps.create(app);
      return app;
    },
    point,
    serve: async (app, targets) => {
      if (config.haproxy === null) {
        await point(app, targets);
        return;
      }
      // The first request reaches the router, which then passes the route to HAProxy.
      await using first = await answering("first");
      await point(app, [first.address]);
      await send(port, `${app.name}.${domain}`);
      await cutOver(app, targets);
    },
    cutOver,
    send: ({ name }, options) => send(port, `${name}.${domain}`, options),
  };
}

/** Sends a request for a host to the router. Rejects when the connection is closed without a complete response. */
export async function send(port: number, host: string, options: RequestOptions = {}): Promise<Response> {
  const { method = "GET", path = "/", headers, body, agent } = options;
  const outgoing = request({
    host: "127.0.0.1",
    port,
    method,
    path,
    headers: { host: `${host}:${port}`, ...headers },
    agent: agent ?? false,
  });
  if (typeof body === "object") {
    for await (const bytes of body) outgoing.write(Buffer.from(bytes));
    outgoing.end();
  } else outgoing.end(body);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) };
}

export interface TestTarget extends AsyncDisposable {
  readonly address: Address;
  readonly server: Server;
}

/** Starts an instance of an app. Disposal closes all its connections, as a crash would. */
export async function startTarget(listener: RequestListener): Promise<TestTarget> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: "127.0.0.1", port },
    server,
    [Symbol.asyncDispose]: () => cutServer(server),
  };
}

/** Starts an instance that responds with a text. */
export function answering(body: string): Promise<TestTarget> {
  return startTarget((_request, response) => response.end(body));
}

/** Waits a moment before a condition is checked again. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}
