// Slipway's router as a separate process, with a store that contains one app.

import { randomUUID } from "node:crypto";
import { changeApp } from "@slipway/core";
import { openStore } from "@slipway/store";
import { anApp, freePort, startPrivateRedis } from "@slipway/testkit";
import { startProgram } from "./programs.ts";
import type { Program } from "./programs.ts";

/** The same options as in `npm start` (packages/setup/src/supervisor/app-specs.ts). */
const nodeOptions = ["--max-semi-space-size=4"];
const mallocOptions = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "8388608" };
const main = new URL("../../apps/router/src/main.ts", import.meta.url).pathname;

export interface SlipwayRouter extends Program {
  /** The host name of the app. */
  readonly host: string;
}

export interface SlipwayRouterOptions {
  /** Whether HAProxy runs in front of the router. */
  readonly haproxy: boolean;
  /** The folder in which the router writes its CPU profile when it ends; undefined for no profile. */
  readonly profileFolder?: string | undefined;
}

export async function startSlipwayRouter(
  folder: string,
  app: Program,
  { haproxy, profileFolder }: SlipwayRouterOptions,
): Promise<SlipwayRouter> {
  await using opened = new AsyncDisposableStack();
  const redis = opened.use(await startPrivateRedis());
  const databaseUrl = `file:${folder}/slipway${haproxy ? "-haproxy" : ""}.db`;
  const { name } = await storeApp(databaseUrl, app);
  const port = await freePort();
  const profile = profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
  const router = opened.use(
    await startProgram({
      command: process.execPath,
      args: [...nodeOptions, ...profile, main],
      port,
      environment: {
        ...mallocOptions,
        DATABASE_URL: databaseUrl,
        DATA_DIR: folder,
        REDIS_URL: redis.url,
        INSTALLATION_ID: `test-${randomUUID().slice(0, 8)}`,
        ROUTER_PORT: String(port),
        LOG_LEVEL: "error",
        ...(haproxy ? { ROUTER_HAPROXY: "haproxy" } : {}),
      },
    }),
  );
  const owned = opened.move();
  return {
    ...router,
    host: `${name}.localhost`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function storeApp(databaseUrl: string, { port }: Program) {
  await using store = await openStore({ databaseUrl });
  const app = anApp();
  await store.apps.create(app);
  const targets = [{ host: "127.0.0.1", port }];
  const facts = { currentReleaseId: randomUUID(), currentRolloutId: randomUUID(), targets };
  if (!(await store.apps.compareAndSet(changeApp(app, new Date(), facts))))
    throw new Error(`The store refused the addresses of ${app.name}.`);
  return app;
}
