// HAProxy with the router's configuration, in front of a server that says which requests HAProxy passed to the router.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { changeApp } from "@slipway/core";
import type { Address, App, Store } from "@slipway/core";
import { createLogger } from "@slipway/service";
import { openStore } from "@slipway/store";
import { anApp, cutServer, freePort } from "@slipway/testkit";
import { readConfig } from "../src/config.ts";
import type { RouterConfig } from "../src/config.ts";
import { openHaproxy } from "../src/haproxy/haproxy.ts";
import type { HaproxySettings } from "../src/haproxy/haproxy.ts";
import type { FastRoutes } from "../src/haproxy/fast-routes.ts";
import { Routes } from "../src/routes.ts";
import { startTarget } from "./router.ts";
import type { TestTarget } from "./router.ts";

export interface TestHaproxy extends AsyncDisposable {
  readonly port: number;
  readonly store: Store;
  readonly routes: Routes;
  readonly fastRoutes: FastRoutes;
  /** Errors that the router would have logged. */
  readonly errors: readonly unknown[];
  /** Creates an app with these targets, whose route HAProxy has. */
  serve(...targets: readonly { readonly address: Address }[]): Promise<App>;
  /** Changes an app as a worker or the API would, without a message to the router. */
  change(app: App, facts: Partial<App>): Promise<void>;
}

/** A request as a server of these tests received it, which it sends back as the response. */
export interface Echo {
  /** "router", or the name of the app. */
  readonly from: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

export async function startTestHaproxy(
  settings: Readonly<Record<string, string>> = {},
): Promise<TestHaproxy> {
  await using opened = new AsyncDisposableStack();
  const { path: folder } = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-haproxy-")));
  const config = readConfig({
    ROUTER_PORT: String(await freePort()),
    ROUTER_HAPROXY: "haproxy",
    DATA_DIR: folder,
    REDIS_URL: "redis://unused",
    INSTALLATION_ID: "test",
    ...settings,
  });
  const errors: unknown[] = [];
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  const routes = opened.use(new Routes(store.apps, (error) => void errors.push(error)));
  const haproxy = opened.use(
    await openHaproxy(
      settingsOf(config),
      routes,
      createLogger({ name: "router", level: "silent" }),
      (error) => void errors.push(error),
    ),
  );
  const router = createServer(echo("router"));
  await once(router.listen(haproxy.routerSocket), "listening");
  opened.defer(() => cutServer(router));
  const process = await haproxy.start();
  opened.defer(() => process.stop(0));
  const change = async (app: App, facts: Partial<App>) => {
    const stored = await store.apps.get(app.id);
    if (stored === null) throw new Error("no such app");
    if (!(await store.apps.compareAndSet(changeApp(stored, new Date(), facts)))) throw new Error("changed");
  };
  const { fastRoutes } = haproxy;
  const resources = opened.move();
  return {
    port: config.server.port,
    store,
    routes,
    fastRoutes,
    errors,
    change,
    async serve(...targets) {
      const app = anApp();
      await store.apps.create(app);
      const rolloutId = randomUUID();
      const facts = { currentReleaseId: rolloutId, currentRolloutId: rolloutId };
      await change(app, { ...facts, targets: targets.map(({ address }) => address) });
      await routes.find(app.name);
      fastRoutes.offer(app.name);
      await fastRoutes.drainOthers(app.id, rolloutId, 0);
      return app;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function settingsOf({ haproxy, server, limits }: RouterConfig): HaproxySettings {
  if (haproxy === null) throw new Error("no HAProxy");
  return { ...haproxy, ...server, timeoutMs: limits.timeoutMs, isMeasured: false, writeRequest: null };
}

/** Starts an instance of an app that sends back what it received. */
export function echoing(name: string): Promise<TestTarget> {
  return startTarget(echo(name));
}

/** Sends a request as it is written, and returns all that HAProxy sends until it closes the connection. */
export async function exchangeRaw(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  socket.write(request);
  return await text(socket);
}

/** Sends a request with these lines. @returns what the server that received it sent back. */
export async function sendRaw(port: number, lines: readonly string[], body = ""): Promise<Echo> {
  const answer = await exchangeRaw(port, `${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n${body}`);
  const [, json] = /\r\n\r\n(\{[^]*)$/.exec(answer) ?? [];
  try {
    return JSON.parse(json ?? "") as Echo;
  } catch (error) {
    throw new Error(`not an echo: ${answer}`, { cause: error });
  }
}

function echo(from: string): RequestListener {
  return ({ method, url, headers, rawHeaders }, response) => {
    const body = JSON.stringify({ from, method, path: url, headers, rawHeaders });
    response.writeHead(200, { "content-length": Buffer.byteLength(body) }).end(body);
  };
}
