// Keeps what instances write within APP_DISK_MB on engines without quotas.

import type { Scheduler } from "@slipway/core";
import type { Logger } from "@slipway/service";

export interface LimitDisksContext {
  readonly scheduler: Pick<Scheduler, "restartOverfull">;
  readonly logger: Pick<Logger, "warn">;
}

/** The app's owner reads the reason in the list of its containers. */
export async function limitDisks({ scheduler, logger }: LimitDisksContext): Promise<void> {
  for (const { appId, index, writtenBytes } of await scheduler.restartOverfull())
    logger.warn(
      { app: appId, index, writtenBytes },
      "an instance wrote more than APP_DISK_MB, and was ended",
    );
}
