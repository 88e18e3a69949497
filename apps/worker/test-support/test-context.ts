// What this package's tests run attempts on: a real Redis and a real database, and no engine; tests script a scheduler for faults.

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { Scheduler } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { openHousekeeping } from "@slipway/queue";
import type { Housekeeping } from "@slipway/queue";
import { createLogger } from "@slipway/service";
import { openStore } from "@slipway/store";
import { startRedis, unexpected } from "@slipway/testkit";
import { readConfig } from "../src/config.ts";
import type { Platform } from "../src/platform.ts";

/** Parts that what is tested does not come to are left out. They live until `opened` is disposed of. */
export async function testPlatform(
  opened: AsyncDisposableStack,
  scheduler: Partial<Scheduler> = {},
): Promise<Platform & { readonly housekeeping: Housekeeping }> {
  const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-worker-"))).path;
  const redisUrl = opened.use(await startRedis()).url;
  const redis = opened.adopt(new Redis(redisUrl), (client) => client.disconnect());
  const installationId = "worker-test";
  const config = readConfig({
    INSTALLATION_ID: installationId,
    REDIS_URL: redisUrl,
    REGISTRY_URL: "http://registry.example",
    STACK_IMAGE: "registry.example/stack:1",
  });
  const keys = redisKeys(installationId);
  const housekeeping = opened.use(openHousekeeping({ redisUrl, keys, onError: unexpected }));
  const parts: Pick<Platform, "config" | "logger" | "store" | "redis" | "keys" | "caBundle" | "now"> = {
    config,
    logger: createLogger({ name: "worker", level: "silent" }),
    store: opened.use(await openStore({ databaseUrl: `file:${folder}/slipway.db` })),
    redis,
    keys,
    caBundle: null,
    now: () => new Date(),
  };
  return { ...parts, scheduler, housekeeping } as Platform & { readonly housekeeping: Housekeeping };
}
