// Notifies routers that the targets of an app have changed. Call it after the change is stored.

import { publish, routesChannel } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { Logger } from "@slipway/service";

export interface AnnounceRoutesContext extends Bus {
  readonly logger: Logger;
}

/** Does not wait for delivery: a router that misses the message reads the targets from the store later. */
export function announceRoutes(context: AnnounceRoutesContext, appId: string): void {
  publish(context, routesChannel, { appId }).catch((error: unknown) => {
    context.logger.warn({ err: error, app: appId }, "cannot publish an app's new targets");
  });
}
