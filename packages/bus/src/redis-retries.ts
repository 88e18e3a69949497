// The options of a connection to Redis.

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
