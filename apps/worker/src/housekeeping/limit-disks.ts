// Limits the disk usage of instances to APP_DISK_MB: their bytes on engines without quotas, and the number of their files.

import type { DiskExcess, Scheduler } from "@slipway/core";
import type { Logger } from "@slipway/service";

export interface LimitDisksContext {
  readonly scheduler: Pick<Scheduler, "restartOverfull">;
  readonly logger: Pick<Logger, "warn">;
}

/** The app's owner sees the reason in the list of the app's containers. */
export async function limitDisks(
  { scheduler, logger }: LimitDisksContext,
  excess: DiskExcess,
): Promise<void> {
  for (const { appId, index, reason } of await scheduler.restartOverfull(excess))
    logger.warn({ app: appId, index, reason }, "an instance exceeded APP_DISK_MB, and was ended");
}
