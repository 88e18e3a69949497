// Subscriptions: a connection that receives the messages of any number of channels, and resubscribes after a reconnect.

import { contain } from "@slipway/async";
import type { z } from "zod";
import type { Bus } from "./bus.ts";
import type { Channel } from "./channel.ts";
import { openSubscription } from "./connect.ts";

export interface SubscriberOptions {
  /** Called with connection errors, with messages that do not match the schema, and with errors of `onMessage`. */
  readonly onError: (error: unknown) => void;
  /** Called whenever messages may have been missed: after each connection, once all channels are subscribed to. */
  readonly onConnected?: () => void;
}

/** Disposing it closes its connection. */
export interface Subscriber extends AsyncDisposable {
  /**
   * Receives a channel's messages until it is removed. Resolves once messages arrive. When it rejects, the channel stays added,
   * and the next connection subscribes to it. It may be repeated: the last `onMessage` receives the messages.
   */
  add<Message>(channel: Channel<Message>, onMessage: (message: Message) => void): Promise<void>;
  remove<Message>(channel: Channel<Message>): void;
}

/** Opens a connection for subscriptions. */
export function openSubscriber(
  { redis, keys }: Bus,
  { onError, onConnected }: SubscriberOptions,
): Subscriber {
  const receivers = new Map<string, (text: string) => void>();
  const connection = openSubscription(redis);
  const subscribeToAll = async () => {
    if (receivers.size === 0) return;
    await connection.subscribe(...receivers.keys());
    onConnected?.();
  };
  connection.on("error", onError);
  connection.on("ready", contain(subscribeToAll, onError));
  connection.on(
    "message",
    contain((name: string, text: string) => receivers.get(name)?.(text), onError),
  );
  return {
    async add(channel, onMessage) {
      const name = channel.name(keys);
      receivers.set(name, (text) => onMessage(parse(channel.schema, name, text)));
      await connection.subscribe(name);
    },
    remove(channel) {
      const name = channel.name(keys);
      if (!receivers.delete(name) || connection.status !== "ready") return;
      connection.unsubscribe(name).catch(onError);
    },
    async [Symbol.asyncDispose]() {
      connection.disconnect();
      await Promise.resolve();
    },
  };
}

export interface SubscribeOptions<Message> extends SubscriberOptions {
  readonly onMessage: (message: Message) => void;
}

/**
 * Subscribes to one channel, on a connection of its own. Resolves once messages arrive, or when Redis cannot be reached; messages
 * then arrive as soon as it can.
 */
export async function subscribe<Message>(
  bus: Bus,
  channel: Channel<Message>,
  { onMessage, onError, ...options }: SubscribeOptions<Message>,
): Promise<AsyncDisposable> {
  const failed = Promise.withResolvers<void>();
  let isDisposed = false;
  const subscriber = openSubscriber(bus, {
    ...options,
    onError: (error) => {
      failed.resolve();
      onError(error);
    },
  });
  const subscribed = subscriber.add(channel, onMessage).catch((error: unknown) => {
    // Closing the connection rejects a subscription that is waiting for Redis.
    if (!isDisposed) onError(error);
  });
  await Promise.race([subscribed, failed.promise]);
  return {
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      await subscriber[Symbol.asyncDispose]();
    },
  };
}

function parse<Message>(schema: z.ZodType<Message>, name: string, text: string): Message {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`a message on the channel ${name} does not fit its schema; it is ignored`, {
      cause: error,
    });
  }
}
