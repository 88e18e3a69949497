// Hears that what serves an app changed, sends requests there from then on, and answers who waits for it.

import type { Redis } from "ioredis";
import { contain } from "@slipway/async";
import { routeMessage, routerTiming } from "@slipway/protocol";
import type { RedisKeys, RouteMessage } from "@slipway/protocol";
import type { Routes } from "./routes.ts";

export interface CutoverOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  /** This router's. */
  readonly id: string;
  readonly routes: Routes;
  readonly onError: (error: unknown) => void;
}

/** Resolves when messages are heard, or Redis cannot be reached; then they are heard once it can. */
export async function followCutovers(options: CutoverOptions): Promise<AsyncDisposable> {
  const { redis, keys, routes, onError } = options;
  const subscriber = redis.duplicate();
  const switching = new Map<string, Promise<void>>();
  subscriber.on("error", onError);
  // After a while without a connection nobody knows what was said meanwhile.
  subscriber.on("ready", () => routes.distrust());
  const receive = (_channel: string, text: string) => obey(routeMessage.parse(JSON.parse(text)));
  subscriber.on("message", contain(receive, onError));

  /** Who waits asks again and again, for messages get lost. */
  async function obey(message: RouteMessage): Promise<void> {
    const key = message.switch?.rolloutId ?? message.appId;
    const work = switching.get(key) ?? change(options, message).catch(onError);
    switching.set(key, work);
    await work;
    switching.delete(key);
  }

  await subscriber.subscribe(keys.routesChannel).catch(onError);
  return {
    async [Symbol.asyncDispose]() {
      subscriber.disconnect();
      await Promise.all(switching.values());
    },
  };
}

async function change({ redis, keys, id, routes }: CutoverOptions, message: RouteMessage): Promise<void> {
  const current = await routes.changed(message.appId);
  if (message.switch === undefined || message.switch.rolloutId !== current) return;
  const { rolloutId, drainMs } = message.switch;
  await routes.onlyOn(message.appId, rolloutId, drainMs);
  const key = keys.routersCutOver(rolloutId);
  await redis.multi().sadd(key, id).pexpire(key, routerTiming.cutoverKeptMs).exec();
}
