import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { lacksRedis, startPrivateRedis, startRedis } from "./redis.ts";

describe.skipIf(await lacksRedis())("a test's Redis", () => {
  test("a test's Redis is empty, answers, and ends when it is disposed of", async () => {
    const server = await startRedis();
    const redis = new Redis(server.url, { retryStrategy: () => null });
    await redis.set("key", "value");
    expect(await redis.get("key")).toBe("value");
    if (server.pid !== null) redis.once("error", () => undefined);
    const closed = once(redis, "close");
    await server[Symbol.asyncDispose]();
    if (server.pid === null) redis.disconnect();
    await closed;
    expect(redis.status).not.toBe("ready");
  });

  test("a private Redis that was killed and started again has what its folder contains", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-redis-"));
    await using server = await startPrivateRedis(folder.path);
    const redis = new Redis(server.url);
    redis.on("error", () => undefined);
    // With this setting, Redis responds only after the append-only file has the write.
    await redis.config("SET", "appendfsync", "always");
    await redis.set("key", "value");
    const { pid } = server;
    await server.kill();
    await server.start();
    expect(server.pid).not.toBe(pid);
    expect(await redis.get("key")).toBe("value");
    redis.disconnect();
  });

  test("each call of startRedis provides another Redis", async () => {
    await using first = await startRedis();
    await using second = await startRedis();
    expect(second.url).not.toBe(first.url);
  });
});
