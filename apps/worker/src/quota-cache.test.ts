import { redisKeys } from "@slipway/protocol";
import { lacksRedis, startRedis } from "@slipway/testkit";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { openQuotaCache } from "./quota-cache.ts";

const quota = { containers: true, includesImage: false, volumes: true };

describe.skipIf(await lacksRedis())("the cache of disk quotas", () => {
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
      const quotas = openQuotaCache(redis, keys);
      expect(await Promise.all([quotas("one", find), quotas("one", find)])).toEqual([quota, quota]);
      expect(await openQuotaCache(redis, keys)("one", find)).toEqual(quota);
      expect(asked).toBe(1);
      await quotas("two", find);
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
      const quotas = openQuotaCache(redis, redisKeys("test"));
      await expect(quotas("one", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
      expect(await quotas("one", async () => quota)).toEqual(quota);
    } finally {
      redis.disconnect();
    }
  });
});
