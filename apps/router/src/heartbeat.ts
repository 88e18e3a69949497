// Sends this router's heartbeat to Redis. A cutover waits for all routers that are alive.

import type { Redis } from "ioredis";
import { contain } from "@slipway/async";
import { routerTiming } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";

export interface HeartbeatOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  /** This router's id. */
  readonly id: string;
  readonly onError: (error: unknown) => void;
}

/** KEYS seen; ARGV router id, milliseconds after which a silent router is removed. */
const heartbeatScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now - ARGV[2])`;

/** Resolves after the first heartbeat, even when it failed; later ones are sent periodically. Disposal removes the router. */
export async function startHeartbeat({
  redis,
  keys,
  id,
  onError,
}: HeartbeatOptions): Promise<AsyncDisposable> {
  let pending: Promise<void> | undefined;
  /** At most one call is pending, so that calls do not pile up while Redis is unavailable. */
  function beat(): Promise<void> {
    pending ??= redis
      .eval(heartbeatScript, 1, keys.routersSeen, id, routerTiming.aliveMs)
      .then(() => undefined, onError)
      .finally(() => {
        pending = undefined;
      });
    return pending;
  }
  await beat();
  const timer = setInterval(contain(beat, onError), routerTiming.heartbeatMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await pending;
      await redis.zrem(keys.routersSeen, id).catch(onError);
    },
  };
}
