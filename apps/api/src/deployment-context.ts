// The API's side of the ports that the rules of a deployment's life stand on.

import { endsWithin } from "@slipway/async";
import type { DeploymentContext, LaneContext, Notify } from "@slipway/deployments";
import { deploymentEvents, logCloser } from "@slipway/logs";
import type { RedisKeys } from "@slipway/protocol";
import type { Redis } from "ioredis";
import type { Lanes } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { Store } from "@slipway/core";

/** A request waits this long for Redis; a notification that takes longer completes in the background. */
const notifyLimitMs = 2_000;

export interface DeploymentPorts {
  readonly store: Store;
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly lanes: Lanes;
  readonly logger: Logger;
  readonly now: DeploymentContext["now"];
}

export function deploymentContext({ store, redis, keys, lanes, logger, now }: DeploymentPorts): LaneContext {
  return {
    store,
    lanes,
    now,
    events: deploymentEvents(redis, keys),
    closeLog: logCloser({ redis, keys, store, now }),
    notify: boundedNotify(logger),
  };
}

/** A request does not fail when Redis is away: workers and followers read the store by themselves. */
function boundedNotify(logger: Pick<Logger, "warn">): Notify {
  return async (subject, call) => {
    const done = call().catch((error: unknown) => {
      logger.warn({ err: error }, `cannot notify ${subject}; the store holds the change`);
    });
    await endsWithin(done, notifyLimitMs);
  };
}
