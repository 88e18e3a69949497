// Tells whoever routes requests that what serves an app has changed. The store must have it already.

import type { RouteMessage } from "@slipway/protocol";
import type { Platform } from "../platform.ts";

/** Not waited for: who misses it reads the app's targets from the store a little later. */
export function announceRoutes({ redis, keys, logger }: Platform, appId: string): void {
  const message: RouteMessage = { appId };
  redis.publish(keys.routesChannel, JSON.stringify(message)).catch((error: unknown) => {
    logger.warn({ err: error, app: appId }, "cannot tell of an app's new targets");
  });
}
