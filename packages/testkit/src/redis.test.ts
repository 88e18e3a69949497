import { once } from "node:events";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { lacksRedis, startRedis } from "./redis.ts";

describe.skipIf(await lacksRedis())("a test's Redis", () => {
  test("is empty, answers, and is gone once disposed", async () => {
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

  test("is another one for each who asks", async () => {
    await using first = await startRedis();
    await using second = await startRedis();
    expect(second.url).not.toBe(first.url);
  });
});
