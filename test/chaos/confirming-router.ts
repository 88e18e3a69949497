// A router as workers see it: it sends heartbeats, and confirms every cutover except those of apps that a test excludes.

import { Redis } from "ioredis";
import { confirmCutover, joinRouters, routesChannel, subscribe } from "@slipway/bus";
import { redisKeys } from "@slipway/protocol";

const id = "router-under-test";

export interface ConfirmingRouter extends AsyncDisposable {
  /** Stops confirming the app's cutovers: a worker then waits after it has pointed the app at its next rollout. */
  withhold(appId: string): void;
  /** Confirms the app's cutovers again, starting with the next request; workers send two requests per second. */
  confirm(appId: string): void;
}

export async function startConfirmingRouter(
  redisUrl: string,
  installationId: string,
): Promise<ConfirmingRouter> {
  const redis = new Redis(redisUrl);
  const bus = { redis, keys: redisKeys(installationId) };
  const unconfirmed = new Set<string>();
  const failures: unknown[] = [];
  const onError = (error: unknown) => void failures.push(error);
  redis.on("error", onError);
  const subscription = await subscribe(bus, routesChannel, {
    onMessage: (message) => {
      if (message.switch === undefined || unconfirmed.has(message.appId)) return;
      confirmCutover(bus, message.switch.rolloutId, id).catch(onError);
    },
    onError,
  });
  const presence = joinRouters(bus, { id, onError });
  await presence.joined;
  return {
    withhold: (appId) => void unconfirmed.add(appId),
    confirm: (appId) => void unconfirmed.delete(appId),
    async [Symbol.asyncDispose]() {
      await presence[Symbol.asyncDispose]();
      await subscription[Symbol.asyncDispose]();
      redis.disconnect();
      if (failures.length > 0) throw new AggregateError(failures, "the router under test lost Redis");
    },
  };
}
