// Caches the disk quotas of each engine in Redis, so that workers need not test them at every start.

import { createHash } from "node:crypto";
import { z } from "zod";
import type { RedisConnection } from "@slipway/bus";
import type { DiskQuota } from "@slipway/core";
import type { QuotaCache } from "@slipway/docker";
import type { RedisKeys } from "@slipway/protocol";

/** The time is limited, because mount options of the engine's disk change the result, and the engine does not report them. */
const cacheMs = 24 * 60 * 60_000;
const quotaSchema = z.object({
  containers: z.boolean(),
  includesImage: z.boolean(),
  volumes: z.boolean(),
});

/** @returns a function that tests each engine once, and shares the result with other workers for a day. */
export function openQuotaCache(redis: RedisConnection, keys: Pick<RedisKeys, "diskQuota">): QuotaCache {
  const pending = new Map<string, Promise<DiskQuota>>();
  return (engine, find) => {
    const found = pending.get(engine) ?? readOrFind(redis, keys.diskQuota(hashOf(engine)), find);
    pending.set(engine, found);
    return found.finally(() => pending.delete(engine));
  };
}

async function readOrFind(
  redis: RedisConnection,
  key: string,
  find: () => Promise<DiskQuota>,
): Promise<DiskQuota> {
  const cached = await redis.get(key);
  if (cached !== null) return quotaSchema.parse(JSON.parse(cached));
  const quota = await find();
  await redis.set(key, JSON.stringify(quota), "PX", cacheMs);
  return quota;
}

function hashOf(engine: string): string {
  return createHash("sha256").update(engine).digest("hex").slice(0, 16);
}
