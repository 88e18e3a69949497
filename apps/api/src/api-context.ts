// The context of the routes: ports, settings and shared services. app.ts creates it; http-app.ts and routes.ts pass its parts on.

import type { RedisConnection } from "@slipway/bus";
import type { Auth, UrlSigner } from "@slipway/auth";
import type { BlobStore, Pace, Store } from "@slipway/core";
import type { LaneContext } from "@slipway/deployments";
import type { RedisKeys } from "@slipway/protocol";
import type { FleetWorker, Lanes, Notifications } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { ApiConfig } from "./config.ts";
import type { MeanSeconds } from "./deployments/wait-estimate.ts";
import type { Limits } from "./http/limits.ts";
import type { OutputEvents } from "./output/output-events.ts";

export interface ApiContext {
  readonly config: ApiConfig;
  readonly logger: Logger;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly redis: RedisConnection;
  readonly keys: RedisKeys;
  readonly lanes: Lanes;
  /** The context of the functions of packages/deployments. */
  readonly deployments: LaneContext;
  readonly notifications: Notifications;
  /** All queues, for the dashboard. */
  readonly queues: Lanes["queues"];
  /** How long a request waits at most for a response of Redis, in milliseconds. */
  readonly redisLimitMs: number;
  /** @throws {SlipwayError} "queue-unavailable" if Redis does not answer. */
  readonly listWorkers: () => Promise<FleetWorker[]>;
  readonly meanSeconds: MeanSeconds;
  readonly setDraining: (workerId: string, isDraining: boolean) => Promise<FleetWorker>;
  readonly auth: Auth;
  readonly limits: Limits;
  readonly urlSigner: UrlSigner;
  readonly outputEvents: OutputEvents;
  readonly uploadPace: Pace;
  /** Aborted when the process begins to stop. */
  readonly stopping: AbortSignal;
  readonly now: () => Date;
}
