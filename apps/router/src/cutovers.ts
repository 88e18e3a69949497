// Receives route messages: sends requests to an app's new rollout, drains the former one, and confirms the cutover.

import type { Redis } from "ioredis";
import { contain } from "@slipway/async";
import { routeMessage, routerTiming } from "@slipway/protocol";
import type { RedisKeys, RouteMessage } from "@slipway/protocol";
import type { Routes } from "./routes.ts";

export interface CutoverOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  /** This router's id. */
  readonly id: string;
  readonly routes: Routes;
  readonly onError: (error: unknown) => void;
}

/** Resolves when the router is subscribed. When Redis is unavailable it resolves at once and subscribes on reconnection. */
export async function followCutovers(options: CutoverOptions): Promise<AsyncDisposable> {
  const { redis, keys, routes, onError } = options;
  const subscriber = redis.duplicate();
  const running = new Map<string, Promise<void>>();
  subscriber.on("error", onError);
  // Messages published while the connection was down are lost.
  subscriber.on("ready", () => routes.expireAll());
  const receive = (_channel: string, text: string) => handle(routeMessage.parse(JSON.parse(text)));
  subscriber.on("message", contain(receive, onError));

  /** The worker repeats its message until the cutover is confirmed. A repetition joins the running cutover. */
  async function handle(message: RouteMessage): Promise<void> {
    const key = message.switch?.rolloutId ?? message.appId;
    const work = running.get(key) ?? cutOver(options, message).catch(onError);
    running.set(key, work);
    await work;
    running.delete(key);
  }

  await subscriber.subscribe(keys.routesChannel).catch(onError);
  return {
    async [Symbol.asyncDispose]() {
      subscriber.disconnect();
      await Promise.all(running.values());
    },
  };
}

async function cutOver({ redis, keys, id, routes }: CutoverOptions, message: RouteMessage): Promise<void> {
  const current = await routes.refreshApp(message.appId);
  if (message.switch === undefined || message.switch.rolloutId !== current) return;
  const { rolloutId, drainMs } = message.switch;
  await routes.drainOthers(message.appId, rolloutId, drainMs);
  const key = keys.routersCutOver(rolloutId);
  await redis.multi().sadd(key, id).pexpire(key, routerTiming.cutoverKeptMs).exec();
}
