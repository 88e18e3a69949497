// What every route uses: ports, settings and shared services. app.ts creates it once.

import type { Redis } from "ioredis";
import type { Auth, UrlSigner } from "@slipway/auth";
import type { BlobStore, Store } from "@slipway/core";
import type { LaneContext } from "@slipway/deployments";
import type { RedisKeys } from "@slipway/protocol";
import type { Housekeeping, Lanes, Notifications } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { ApiConfig } from "./config.ts";
import type { Limits } from "./http/limits.ts";
import type { OutputEvents } from "./output/output-events.ts";

export interface ApiContext {
  readonly config: ApiConfig;
  readonly logger: Logger;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly lanes: Lanes;
  /** What the functions of packages/deployments need. */
  readonly deployments: LaneContext;
  readonly notifications: Notifications;
  /** For the dashboard only. */
  readonly housekeeping: Housekeeping;
  readonly auth: Auth;
  readonly limits: Limits;
  readonly urlSigner: UrlSigner;
  readonly outputEvents: OutputEvents;
  /** Aborted when the process begins to stop. */
  readonly stopping: AbortSignal;
  readonly now: () => Date;
}
