// Implements, for the API, the ports that packages/deployments needs.

import type { RedisConnection } from "@slipway/bus";
import { endsWithin } from "@slipway/async";
import type { RuleContext, LaneContext, Notify } from "@slipway/deployments";
import { deploymentEvents, logCloser } from "@slipway/logs";
import type { RedisKeys } from "@slipway/protocol";
import type { Lanes } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { Store } from "@slipway/core";
import { traceEnds } from "@slipway/telemetry";

/** The longest a request waits for Redis; a slower notification completes in the background. */
const notifyLimitMs = 2_000;

export interface DeploymentPorts {
  readonly store: Store;
  readonly redis: RedisConnection;
  readonly keys: RedisKeys;
  readonly lanes: Lanes;
  readonly logger: Logger;
  readonly now: RuleContext["now"];
}

/** Builds the context that the functions of packages/deployments take. */
export function deploymentContext({ store, redis, keys, lanes, logger, now }: DeploymentPorts): LaneContext {
  return {
    store,
    lanes,
    now,
    events: traceEnds(deploymentEvents({ redis, keys })),
    closeLog: logCloser({ bus: { redis, keys }, store, now }),
    notify: boundedNotify(logger),
  };
}

/** A request does not fail while Redis is down: workers and followers also poll the store. */
function boundedNotify(logger: Pick<Logger, "warn">): Notify {
  return async (action, call) => {
    const done = call().catch((error: unknown) => {
      logger.warn({ err: error }, `cannot ${action}; the store holds the change`);
    });
    await endsWithin(done, notifyLimitMs);
  };
}
