import type { Redis } from "ioredis";
import { beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { lacksRedis, useRedis } from "@slipway/testkit";
import { countRegistryWriters, holdRegistryWrites, openRegistryWrites } from "./registry-writes.ts";

const keys = redisKeys("writes-test");
const never = new AbortController().signal;

describe.skipIf(await lacksRedis())("writes to the registry", () => {
  let redis: Redis;
  useRedis((connection) => {
    redis = connection;
  });
  beforeEach(async () => void (await redis.flushall()));

  const open = () =>
    openRegistryWrites({
      redis,
      keys,
      onError: (error) => {
        throw error;
      },
    });
  const hold = async () => {
    const taken = await holdRegistryWrites(redis, keys);
    if (taken === null) throw new Error("another process has the hold");
    return taken;
  };

  test("a write is counted until it has ended, also when it fails", async () => {
    const writes = open();
    const finish = Promise.withResolvers<string>();
    const started = Promise.withResolvers<void>();
    const write = writes.during(() => {
      started.resolve();
      return finish.promise;
    }, never);
    await started.promise;
    expect(await countRegistryWriters(redis, keys)).toMatchObject({ all: 1, silent: 0 });
    finish.resolve("pushed");
    expect(await write).toBe("pushed");
    await expect(writes.during(() => Promise.reject(new Error("no disk")), never)).rejects.toThrow("no disk");
    expect(await countRegistryWriters(redis, keys)).toEqual({ all: 0, silent: 0, oldestMs: 0 });
  });

  test("a write waits for the end of a hold, and is not counted meanwhile", async () => {
    const held = await hold();
    const waiting = Promise.withResolvers<void>();
    let hasBegun = false;
    const work = async () => {
      hasBegun = true;
    };
    const write = open().during(work, never, waiting.resolve);
    await waiting.promise;
    expect(await held.writers()).toEqual({ all: 0, silent: 0, oldestMs: 0 });
    expect(hasBegun).toBe(false);
    await held[Symbol.asyncDispose]();
    await write;
    expect(hasBegun).toBe(true);
  });

  test("a write that waits ends with its signal's reason", async () => {
    await using _held = await hold();
    const aborted = new AbortController();
    const write = open().during(
      async () => undefined,
      aborted.signal,
      () => aborted.abort(new Error("aborted by the user")),
    );
    await expect(write).rejects.toThrow("aborted by the user");
  });

  test("one process at a time has the hold, and loses it with the data of Redis", async () => {
    const first = await hold();
    expect(await holdRegistryWrites(redis, keys)).toBeNull();
    expect(await first.extend()).toBe(true);
    await redis.flushall();
    const second = await hold();
    expect(await first.extend()).toBe(false);
    await first[Symbol.asyncDispose]();
    expect(await second.extend()).toBe(true);
  });

  test("a writer without heartbeats is silent at first, and is not counted any more after minutes", async () => {
    const [seconds] = await redis.time();
    const nowMs = Number(seconds) * 1_000;
    await redis.zadd(keys.registryWriters, nowMs - 60_000, "frozen", nowMs - 600_000, "crashed");
    await redis.hset(keys.registryWriterRecords, "frozen", "30000");
    const count = await countRegistryWriters(redis, keys);
    expect(count).toMatchObject({ all: 1, silent: 1 });
    // The writer's age at its last heartbeat, plus the time since then.
    expect(count.oldestMs).toBeGreaterThanOrEqual(90_000);
    expect(count.oldestMs).toBeLessThan(600_000);
  });
});
