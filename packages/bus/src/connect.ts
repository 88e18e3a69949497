// Connects to Redis by URL: to one server, or to the primary that Sentinels name, which changes in a failover.

import { Redis } from "ioredis";
import { sentinelOptions } from "@slipway/service";

/** How a connection handles the loss of its server. */
export interface RedisRetries {
  readonly lazyConnect?: boolean;
  /** Maximum number of retries of a command after lost connections; null for no limit. */
  readonly maxRetriesPerRequest?: number | null;
  /** Milliseconds after which a command fails. */
  readonly commandTimeout?: number;
  /** Whether commands wait for the connection; otherwise they fail while there is none. */
  readonly enableOfflineQueue?: boolean;
}

/** Opens a connection. It reconnects by itself; after a failover, to the new primary. */
export function openRedis(url: string, options: RedisRetries = {}): Redis {
  const sentinel = sentinelOptions(url);
  return sentinel === undefined ? new Redis(url, options) : new Redis({ ...sentinel, ...options });
}

/** Whether the URL names Sentinels. */
export function isSentinelUrl(url: string): boolean {
  return sentinelOptions(url) !== undefined;
}

/** A blocking call waits on a silent connection. After this time the system probes whether the connection is lost. */
const keepAlive = 10_000;

/** The option `connection` of BullMQ's classes. */
export function queueConnection(url: string, options: RedisRetries) {
  return { ...(sentinelOptions(url) ?? { url }), keepAlive, ...options };
}
