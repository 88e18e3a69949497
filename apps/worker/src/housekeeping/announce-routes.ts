// Notifies routers that the targets of an app have changed. Call it after the store has the change.

import type { RedisKeys, RouteMessage } from "@slipway/protocol";
import type { Logger } from "@slipway/service";
import type { Redis } from "ioredis";

export interface AnnounceRoutesContext {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly logger: Logger;
}

/** Does not wait for delivery: a router that misses the message reads the targets from the store later. */
export function announceRoutes({ redis, keys, logger }: AnnounceRoutesContext, appId: string): void {
  const message: RouteMessage = { appId };
  redis.publish(keys.routesChannel, JSON.stringify(message)).catch((error: unknown) => {
    logger.warn({ err: error, app: appId }, "cannot publish an app's new targets");
  });
}
