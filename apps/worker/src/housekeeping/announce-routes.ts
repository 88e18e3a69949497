// Notifies routers that the targets of an app have changed. Call it after the store has the change.

import type { RouteMessage } from "@slipway/protocol";
import type { Platform } from "../platform.ts";

/** Does not wait for delivery: a router that misses the message reads the targets from the store later. */
export function announceRoutes({ redis, keys, logger }: Platform, appId: string): void {
  const message: RouteMessage = { appId };
  redis.publish(keys.routesChannel, JSON.stringify(message)).catch((error: unknown) => {
    logger.warn({ err: error, app: appId }, "cannot publish an app's new targets");
  });
}
