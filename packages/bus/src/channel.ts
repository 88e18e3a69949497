// Typed publish and subscribe over Redis. A message is JSON, checked by its channel's schema on arrival.

import { contain } from "@slipway/async";
import { controlMessage } from "@slipway/protocol";
import type { ControlMessage, RedisKeys } from "@slipway/protocol";
import type { Redis } from "ioredis";
import type { z } from "zod";

export interface Channel<Message> {
  readonly name: string;
  readonly schema: z.ZodType<Message>;
}

/** Aborts, for the workers. */
export function controlChannel(keys: RedisKeys): Channel<ControlMessage> {
  return { name: keys.controlChannel, schema: controlMessage };
}

/** Publishes a message to the current subscribers. It is not kept for later ones. */
export async function publish<Message>(
  redis: Redis,
  channel: Channel<Message>,
  message: Message,
): Promise<void> {
  await redis.publish(channel.name, JSON.stringify(message));
}

export interface SubscribeOptions<Message> {
  readonly onMessage: (message: Message) => void;
  /** Called with errors of the connection, with messages that do not fit the schema, and with what `onMessage` throws. */
  readonly onError: (error: unknown) => void;
  /** Called whenever messages may have been missed: after each connection. */
  readonly onConnected?: () => void;
}

/**
 * Subscribes on a connection of its own, and again after each reconnection. Resolves when messages arrive, or Redis cannot be
 * reached; then they arrive once it can.
 */
export async function subscribe<Message>(
  redis: Redis,
  { name, schema }: Channel<Message>,
  { onMessage, onError, onConnected }: SubscribeOptions<Message>,
): Promise<AsyncDisposable> {
  const subscriber = redis.duplicate({ maxRetriesPerRequest: null });
  subscriber.on("error", onError);
  if (onConnected !== undefined) subscriber.on("ready", onConnected);
  const receive = (_name: string, text: string) => onMessage(parse(schema, text));
  subscriber.on("message", contain(receive, onError));
  await subscriber.subscribe(name).catch(onError);
  return {
    async [Symbol.asyncDispose]() {
      subscriber.disconnect();
      await Promise.resolve();
    },
  };
}

function parse<Message>(schema: z.ZodType<Message>, text: string): Message {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error("a message does not fit its channel", { cause: error });
  }
}
