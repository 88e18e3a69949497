import { redisKeys } from "@slipway/protocol";
import { lacksRedis, startRedis } from "@slipway/testkit";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { openKnownQuotas } from "./known-quotas.ts";

const quota = { containers: true, includesImage: false, volumes: true };

describe.skipIf(await lacksRedis())("known quotas", () => {
  test("workers that start together or later share the quotas of an engine for a day", async () => {
    await using server = await startRedis();
    const redis = new Redis(server.url);
    try {
      const keys = redisKeys("test");
      let asked = 0;
      const find = async () => {
        asked += 1;
        return quota;
      };
      const known = openKnownQuotas(redis, keys);
      expect(await Promise.all([known("one", find), known("one", find)])).toEqual([quota, quota]);
      expect(await openKnownQuotas(redis, keys)("one", find)).toEqual(quota);
      expect(asked).toBe(1);
      await known("two", find);
      expect(asked).toBe(2);
      const [key = ""] = await redis.keys(keys.diskQuota("*"));
      const expiresSeconds = await redis.ttl(key);
      expect(expiresSeconds > 0 && expiresSeconds <= 24 * 60 * 60).toBe(true);
    } finally {
      redis.disconnect();
    }
  });

  test("a failure is not cached", async () => {
    await using server = await startRedis();
    const redis = new Redis(server.url);
    try {
      const known = openKnownQuotas(redis, redisKeys("test"));
      await expect(known("one", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
      expect(await known("one", async () => quota)).toEqual(quota);
    } finally {
      redis.disconnect();
    }
  });
});
