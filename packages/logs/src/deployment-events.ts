// Publishes new deployments and status changes to an app's followers. The store must contain the change already.

import type { DeploymentEvents } from "@slipway/core";
import type { NewMessage, RedisKeys, StatusMessage } from "@slipway/protocol";
import type { Redis } from "ioredis";

/** Publishes on the channel of the deployment's app. */
export function deploymentEvents(redis: Redis, keys: RedisKeys): DeploymentEvents {
  const publish = async (appId: string, message: NewMessage | StatusMessage) => {
    await redis.publish(keys.appChannel(appId), JSON.stringify(message));
  };
  return {
    created: ({ id: deploymentId, appId, number, gitRef, pusher }) =>
      publish(appId, { type: "new", deploymentId, number, gitRef, pusher }),
    statusChanged: ({ id: deploymentId, appId, status, attempt, history }) =>
      publish(appId, {
        type: "status",
        deploymentId,
        status,
        attempt,
        lineCount: history.at(-1)?.lineCount ?? null,
      }),
  };
}
