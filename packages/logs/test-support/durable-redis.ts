// For tests: a redis-server with an append-only file that can be killed and restarted with its data.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "@slipway/testkit";

export interface DurableRedis extends AsyncDisposable {
  readonly url: string;
  kill(): Promise<void>;
  /** Restarts the server. @param empty deletes its data first. */
  start(options?: { readonly empty: boolean }): Promise<void>;
}

export async function startDurableRedis(): Promise<DurableRedis> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-redis-"));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;
  const killOnExit = () => server?.kill("SIGKILL");
  process.once("exit", killOnExit);
  const redis = {
    url,
    kill: async () => {
      if (server === undefined) return;
      const exit = once(server, "exit");
      server.kill("SIGKILL");
      await exit;
      server = undefined;
    },
    start: async (options = { empty: false }) => {
      if (options.empty) await rm(join(directory, "appendonlydir"), { recursive: true, force: true });
      const settings = ["--dir", directory, "--appendonly", "yes", "--appendfsync", "always", "--save", ""];
      server = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", ...settings], {
        stdio: "ignore",
      });
      const probe = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
      probe.on("error", () => undefined);
      await probe.ping();
      probe.disconnect();
    },
    [Symbol.asyncDispose]: async () => {
      await redis.kill();
      process.off("exit", killOnExit);
      await rm(directory, { recursive: true, force: true });
    },
  };
  await redis.start();
  return redis;
}

/**
 * A connection that ignores connection errors and is closed when the test ends.
 * @param retries the number of reconnections after which a command fails; null for no limit.
 */
export function quietRedis(url: string, retries: number | null = null): Redis & AsyncDisposable {
  const redis = new Redis(url, { maxRetriesPerRequest: retries, retryStrategy: () => 20 });
  redis.on("error", () => undefined);
  return Object.assign(redis, {
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
      await Promise.resolve();
    },
  });
}
