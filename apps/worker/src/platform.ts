// The dependencies of the worker: ports, clients and configuration. app.ts creates them once for all jobs.

import type { Redis } from "ioredis";
import type { BlobStore, BuildEngine, ImageRegistry, Scheduler, Store } from "@slipway/core";
import type { RedisKeys } from "@slipway/protocol";
import type { Housekeeping } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "./config.ts";

export interface Platform {
  readonly config: WorkerConfig;
  readonly logger: Logger;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly engine: BuildEngine;
  readonly registry: ImageRegistry;
  readonly scheduler: Scheduler;
  /** Queue of work for an app that its lane does not wait for. */
  readonly housekeeping: Pick<Housekeeping, "request">;
  /** Content of the operator's CA bundle; null when there is none. */
  readonly caBundle: Buffer | null;
  readonly now: () => Date;
}
