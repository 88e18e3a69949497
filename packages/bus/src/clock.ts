// Redis's clock, which all processes share.

import type { Bus } from "./bus.ts";

/**
 * Reads Redis's clock.
 * @throws the errors of ioredis.
 */
export async function redisTime({ redis }: Pick<Bus, "redis">): Promise<Date> {
  const [seconds, microseconds] = await redis.time();
  return new Date(Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000));
}
