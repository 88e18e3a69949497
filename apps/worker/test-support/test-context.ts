// The context of this package's tests, with a real Redis and a real database. Tests script the scheduler to make it fail.

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { Scheduler } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { openHousekeeping } from "@slipway/queue";
import { createLogger } from "@slipway/service";
import { openStore } from "@slipway/store";
import { startRedis, unexpected } from "@slipway/testkit";
import { readConfig } from "../src/config.ts";

/**
 * @param opened closes all resources that this function opens.
 * @param scheduler the methods that the test calls.
 */
export async function openTestContext<Scripted extends Partial<Scheduler>>(
  opened: AsyncDisposableStack,
  scheduler: Scripted,
) {
  const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-worker-"))).path;
  const redisUrl = opened.use(await startRedis()).url;
  const redis = opened.adopt(new Redis(redisUrl), (client) => client.disconnect());
  const installationId = "worker-test";
  const config = readConfig({
    INSTALLATION_ID: installationId,
    REDIS_URL: redisUrl,
    REGISTRY_URL: "http://registry.example",
    STACK_IMAGE: "registry.example/stack:1",
    RECEIPT_KEY: "0123456789abcdef0123456789abcdef",
  });
  const keys = redisKeys(installationId);
  return {
    config,
    logger: createLogger({ name: "worker", level: "silent" }),
    store: opened.use(await openStore({ databaseUrl: `file:${folder}/slipway.db` })),
    redis,
    keys,
    housekeeping: opened.use(openHousekeeping({ redisUrl, keys, onError: unexpected })),
    scheduler,
    now: () => new Date(),
  };
}

/** The context of a test whose scheduler has the methods of `Scripted`. */
export type TestContext<Scripted extends Partial<Scheduler> = object> = Awaited<
  ReturnType<typeof openTestContext<Scripted>>
>;
