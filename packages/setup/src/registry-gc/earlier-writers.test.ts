import type { Redis } from "ioredis";
import { beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { lacksRedis, useRedis } from "@slipway/testkit";
import { withoutLongWriters, withoutWriters } from "./earlier-writers.ts";

const never = new AbortController().signal;
const keys = redisKeys("gc-test");

describe.skipIf(await lacksRedis())("writes that began before a garbage collection", () => {
  let redis: Redis;
  useRedis((connection) => {
    redis = connection;
  });
  beforeEach(async () => void (await redis.flushall()));

  const write = async (id: string, ageMs: number) => {
    const [seconds] = await redis.time();
    await redis.zadd(keys.registryWriters, Number(seconds) * 1_000, id);
    await redis.hset(keys.registryWriterRecords, id, String(ageMs));
  };

  test("the collection waits for a long write before it puts writes on hold, and not for one that has just begun", async () => {
    await write("short", 1_000);
    const lines: string[] = [];
    const report = (line: string) => void lines.push(line);
    await withoutLongWriters(redis, keys, { report }, never);
    expect(lines).toEqual([]);
    await write("long", 120_000);
    const ended = Promise.withResolvers<unknown>();
    const reported = (line: string) => {
      lines.push(line);
      ended.resolve(redis.zrem(keys.registryWriters, "long"));
    };
    await withoutLongWriters(redis, keys, { report: reported }, never);
    await ended.promise;
    expect(lines).toEqual([
      expect.stringMatching(/^waiting for 2 writes to the registry, the oldest for 12\d s, before others/),
    ]);
  });

  test("writes that do not end while others are on hold are counted in the error, with the age of the oldest", async () => {
    const count = { all: 2, silent: 0, oldestMs: 90_000 };
    const hold = { extend: async () => true, writers: async () => count };
    await expect(withoutWriters(hold, never, 0)).rejects.toThrow(
      "2 writes to the registry, the oldest for 90 s. Nothing was deleted, and pushes continue",
    );
  });
});
