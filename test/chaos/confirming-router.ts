// A router as workers see one: it lives, and confirms every cutover but those of apps whose cutovers are held.

import { Redis } from "ioredis";
import { redisKeys, routeMessage, routerTiming } from "@slipway/protocol";

const id = "router-under-test";

export interface ConfirmingRouter extends AsyncDisposable {
  /** From now on cutovers of the app are not confirmed: a worker stands still after it pointed the app at its next rollout. */
  hold(appId: string): void;
  /** The next request to confirm is answered; workers ask twice a second. */
  letGo(appId: string): void;
}

export async function startConfirmingRouter(
  redisUrl: string,
  installationId: string,
): Promise<ConfirmingRouter> {
  const keys = redisKeys(installationId);
  const redis = new Redis(redisUrl);
  const subscriber = redis.duplicate();
  const held = new Set<string>();
  const failures: unknown[] = [];
  const note = (error: unknown) => void failures.push(error);
  for (const client of [redis, subscriber]) client.on("error", note);
  const beat = async () => {
    const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
    await redis.zadd(keys.routersSeen, seconds * 1_000 + Math.floor(micros / 1_000), id);
  };
  subscriber.on("message", (_channel, text: string) => {
    const message = routeMessage.parse(JSON.parse(text));
    if (message.switch === undefined || held.has(message.appId)) return;
    redis.sadd(keys.routersCutOver(message.switch.rolloutId), id).catch(note);
  });
  await subscriber.subscribe(keys.routesChannel);
  await beat();
  const beating = setInterval(() => void beat().catch(note), routerTiming.heartbeatMs);
  return {
    hold: (appId) => void held.add(appId),
    letGo: (appId) => void held.delete(appId),
    async [Symbol.asyncDispose]() {
      clearInterval(beating);
      await redis.zrem(keys.routersSeen, id);
      for (const client of [redis, subscriber]) client.disconnect();
      if (failures.length > 0) throw new AggregateError(failures, "the router under test lost Redis");
    },
  };
}
