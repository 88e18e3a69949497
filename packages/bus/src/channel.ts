// The channels of the bus: each has a name in the installation, and a schema of its messages.

import { appMessage, controlMessage, routeMessage, workerMessage } from "@slipway/protocol";
import type { AppMessage, ControlMessage, RedisKeys, RouteMessage, WorkerMessage } from "@slipway/protocol";
import type { z } from "zod";
import type { Bus } from "./bus.ts";

export interface Channel<Message> {
  readonly name: (keys: RedisKeys) => string;
  readonly schema: z.ZodType<Message>;
}

/** Aborts, for the workers. */
export const controlChannel: Channel<ControlMessage> = {
  name: (keys) => keys.controlChannel,
  schema: controlMessage,
};

/** Requests to drain or to resume, for the workers. */
export const workersChannel: Channel<WorkerMessage> = {
  name: (keys) => keys.workersChannel,
  schema: workerMessage,
};

/** Changes of apps' rollouts and instances, for the routers. */
export const routesChannel: Channel<RouteMessage> = {
  name: (keys) => keys.routesChannel,
  schema: routeMessage,
};

/** New deployments, status changes and log lines of an app, for its followers. */
export function appChannel(appId: string): Channel<AppMessage> {
  return { name: (keys) => keys.appChannel(appId), schema: appMessage };
}

/** Publishes a message to the current subscribers. Later subscribers do not receive it. */
export async function publish<Message>(
  { redis, keys }: Bus,
  channel: Channel<Message>,
  message: Message,
): Promise<void> {
  await redis.publish(channel.name(keys), JSON.stringify(message));
}
