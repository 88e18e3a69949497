// The processes of an installation share Redis: a connection, and the names of the installation's keys and channels.

import type { RedisKeys } from "@slipway/protocol";
import type { RedisConnection } from "./connect.ts";

export interface Bus {
  /** For commands. Subscriptions duplicate it. */
  readonly redis: RedisConnection;
  readonly keys: RedisKeys;
}
