// Tells in Redis that this router lives, so that whoever switches an app's rollout waits for it.

import type { Redis } from "ioredis";
import { contain } from "@slipway/async";
import { routerTiming } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";

export interface PresenceOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly id: string;
  readonly onError: (error: unknown) => void;
}

/** KEYS seen; ARGV router id, how long a silent one is kept, in milliseconds. */
const beatScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now - ARGV[2])`;

/** Resolves when Redis has it, or cannot be reached; then it is told later. Disposing of it takes the router off the list. */
export async function announcePresence({
  redis,
  keys,
  id,
  onError,
}: PresenceOptions): Promise<AsyncDisposable> {
  let beating: Promise<void> | undefined;
  /** One at a time: while Redis is away they must not pile up. */
  function beat(): Promise<void> {
    beating ??= redis
      .eval(beatScript, 1, keys.routersSeen, id, routerTiming.aliveMs)
      .then(() => undefined, onError)
      .finally(() => {
        beating = undefined;
      });
    return beating;
  }
  await beat();
  const timer = setInterval(contain(beat, onError), routerTiming.beatMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await beating;
      await redis.zrem(keys.routersSeen, id).catch(onError);
    },
  };
}
