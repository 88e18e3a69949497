// A router as workers see one: it sends heartbeats, and confirms every cutover except those of apps that a test excludes.

import { Redis } from "ioredis";
import { redisKeys, routeMessage, routerTiming } from "@slipway/protocol";

const id = "router-under-test";

export interface ConfirmingRouter extends AsyncDisposable {
  /** Stops confirming the app's cutovers: a worker then waits after it pointed the app to its next rollout. */
  withhold(appId: string): void;
  /** Confirms the app's cutovers again, from the next request on; workers request twice a second. */
  confirm(appId: string): void;
}

export async function startConfirmingRouter(
  redisUrl: string,
  installationId: string,
): Promise<ConfirmingRouter> {
  const keys = redisKeys(installationId);
  const redis = new Redis(redisUrl);
  const subscriber = redis.duplicate();
  const unconfirmed = new Set<string>();
  const failures: unknown[] = [];
  const note = (error: unknown) => void failures.push(error);
  for (const client of [redis, subscriber]) client.on("error", note);
  const sendHeartbeat = async () => {
    const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
    await redis.zadd(keys.routersSeen, seconds * 1_000 + Math.floor(micros / 1_000), id);
  };
  subscriber.on("message", (_channel, text: string) => {
    const message = routeMessage.parse(JSON.parse(text));
    if (message.switch === undefined || unconfirmed.has(message.appId)) return;
    redis.sadd(keys.routersCutOver(message.switch.rolloutId), id).catch(note);
  });
  await subscriber.subscribe(keys.routesChannel);
  await sendHeartbeat();
  const heartbeats = setInterval(() => void sendHeartbeat().catch(note), routerTiming.heartbeatMs);
  return {
    withhold: (appId) => void unconfirmed.add(appId),
    confirm: (appId) => void unconfirmed.delete(appId),
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeats);
      await redis.zrem(keys.routersSeen, id);
      for (const client of [redis, subscriber]) client.disconnect();
      if (failures.length > 0) throw new AggregateError(failures, "the router under test lost Redis");
    },
  };
}
