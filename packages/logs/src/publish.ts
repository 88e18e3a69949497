// Tells an app's followers that a deployment was created or changed its status. The store must have it already.

import type { Deployment } from "@slipway/core";
import type { NewMessage, RedisKeys, StatusMessage } from "@slipway/protocol";
import type { Redis } from "ioredis";

/** Followers that miss it find the deployment in the store a little later. */
export async function publishNew(redis: Redis, keys: RedisKeys, deployment: Deployment): Promise<void> {
  const { id: deploymentId, number, gitRef, pusher } = deployment;
  const message: NewMessage = { type: "new", deploymentId, number, gitRef, pusher };
  await redis.publish(keys.appChannel(deployment.appId), JSON.stringify(message));
}

/** @param deployment as it was stored: its last status is the one published. */
export async function publishStatus(redis: Redis, keys: RedisKeys, deployment: Deployment): Promise<void> {
  const message: StatusMessage = {
    type: "status",
    deploymentId: deployment.id,
    status: deployment.status,
    attempt: deployment.attempt,
    lineCount: deployment.history.at(-1)?.lineCount ?? null,
  };
  await redis.publish(keys.appChannel(deployment.appId), JSON.stringify(message));
}
