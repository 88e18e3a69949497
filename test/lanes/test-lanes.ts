// For tests of lanes: a Redis, a store in a temporary file, and lanes over both. An unexpected error of lanes or workers fails the test.

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { toSlipwayError } from "@slipway/core";
import type { Store } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { openLanes, startLaneWorker } from "@slipway/queue";
import type { Lanes, LanesOptions, LaneWorker, LaneWorkerOptions } from "@slipway/queue";
import { openStore } from "@slipway/store";
import { startRedis } from "@slipway/testkit";

/** The disposal throws the errors that are left. */
export interface TestLanes extends AsyncDisposable {
  readonly redisUrl: string;
  readonly redis: Redis;
  readonly store: Store;
  readonly lanes: Lanes;
  /**
   * The errors that lanes and workers reported, including failed assertions in a job's handler. Tests remove the errors that they expect.
   */
  readonly errors: string[];
  readonly onError: (error: unknown, what: string) => void;
  /**
   * Starts a worker with one slot of each kind, unless `own` overrides that. It stops before the lanes are disposed.
   * @param graceMs how long its attempts may then take to end.
   */
  readonly startWorker: (
    own: Pick<LaneWorkerOptions, "work"> & Partial<LaneWorkerOptions>,
    graceMs?: number,
  ) => Promise<LaneWorker>;
}

export const keys = redisKeys("lanes-test");
/** Longer than the delay of a worker's renewal on a busy machine. No test waits until it has elapsed. */
export const leaseMs = 10_000;

export async function openTestLanes(
  limits: Pick<LanesOptions, "ownerSlots" | "reservedSlots"> = {},
): Promise<TestLanes> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-lanes-"))).path;
  const { url: redisUrl } = opened.use(await startRedis());
  const redis = opened.adopt(new Redis(redisUrl), (client) => client.disconnect());
  const store = opened.use(await openStore({ databaseUrl: `file:${folder}/slipway.db` }));
  const errors: string[] = [];
  const onError = (error: unknown, what: string) => {
    errors.push(`${what}: ${toSlipwayError(error).message}`);
  };
  const lanes = opened.use(openLanes({ redisUrl, keys, ...store, ...limits, onError }));
  const slots = { concurrency: 1, operationConcurrency: 1 };
  const resources = opened.move();
  return {
    redisUrl,
    redis,
    store,
    lanes,
    errors,
    onError,
    startWorker: async (own, graceMs = 100) => {
      const settings = { redisUrl, keys, lanes, name: "test", ...slots, leaseMs, onError, ...own };
      const worker = await startLaneWorker(settings);
      return resources.adopt(worker, () => worker.stop({ graceMs }));
    },
    [Symbol.asyncDispose]: async () => {
      await resources.disposeAsync();
      if (errors.length > 0) throw new Error(`unexpected errors:\n${errors.join("\n")}`);
    },
  };
}
