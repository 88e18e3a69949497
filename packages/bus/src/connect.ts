// Connects to Redis by URL: to one server, or to the primary that Sentinels name, which changes in a failover.

import { Redis } from "ioredis";
import { sentinelOptions } from "@slipway/service";

/** What a connection does when its server is lost. */
export interface RedisRetries {
  readonly lazyConnect?: boolean;
  /** How often a command is sent again after a lost connection; null without limit. */
  readonly maxRetriesPerRequest?: number | null;
  /** Milliseconds after which a command fails. */
  readonly commandTimeout?: number;
  /** Whether commands wait for the connection; otherwise they fail while there is none. */
  readonly enableOfflineQueue?: boolean;
}

/** Opens a connection. It reconnects by itself, after a failover to the new primary. */
export function openRedis(url: string, options: RedisRetries = {}): Redis {
  const sentinel = sentinelOptions(url);
  return sentinel === undefined ? new Redis(url, options) : new Redis({ ...sentinel, ...options });
}

/** The option `connection` of BullMQ's classes. */
export function queueConnection(url: string, options: RedisRetries) {
  return { ...(sentinelOptions(url) ?? { url }), ...options };
}
