// Remembers in Redis what each engine limits in bytes, so that not every worker finds it out at every start.

import { createHash } from "node:crypto";
import { z } from "zod";
import type { DiskQuota } from "@slipway/core";
import type { KnownQuotas } from "@slipway/docker";
import type { RedisKeys } from "@slipway/protocol";
import type { Redis } from "ioredis";

/** The answer changes with the mount of the engine's disk, which the engine does not describe. */
const knownForMs = 24 * 60 * 60_000;
const quotaSchema = z.object({
  containers: z.boolean(),
  includesImage: z.boolean(),
  volumes: z.boolean(),
});

/** @returns a function that asks once for each engine, and shares the answer with other workers for a day. */
export function openKnownQuotas(redis: Redis, keys: Pick<RedisKeys, "diskQuota">): KnownQuotas {
  const pending = new Map<string, Promise<DiskQuota>>();
  return (engine, find) => {
    const found = pending.get(engine) ?? recall(redis, keys.diskQuota(hashOf(engine)), find);
    pending.set(engine, found);
    return found.finally(() => pending.delete(engine));
  };
}

async function recall(redis: Redis, key: string, find: () => Promise<DiskQuota>): Promise<DiskQuota> {
  const known = await redis.get(key);
  if (known !== null) return quotaSchema.parse(JSON.parse(known));
  const quota = await find();
  await redis.set(key, JSON.stringify(quota), "PX", knownForMs);
  return quota;
}

function hashOf(engine: string): string {
  return createHash("sha256").update(engine).digest("hex").slice(0, 16);
}
