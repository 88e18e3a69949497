// A worker in the API's fleet.

import { joinFleet } from "@slipway/queue";
import type { Membership } from "@slipway/queue";
import { eventually, unexpected } from "@slipway/testkit";
import type { TestApi } from "./api.ts";

/** The value of the path parameter `worker`. */
export const workerId = "w1";

/** The identity that a worker registers. */
export const workerIdentity = {
  id: workerId,
  name: "worker-1",
  host: "builder",
  pid: 7,
  version: "0.1.0",
  startedAt: "2026-01-02T03:04:05.000Z",
  heartbeatMs: 50,
  concurrency: 2,
  operationConcurrency: 4,
  engine: { address: "unix:///engine.sock", cpus: 4, memoryBytes: 1024 },
};

/** Adds the worker, for tests that call every route. It stays alive even on a busy machine. Dispose the result before the API. */
export async function joinTestWorker({ service: { context } }: TestApi): Promise<Membership> {
  const { redis, keys, listWorkers } = context;
  const fleet = { redis, keys, onError: unexpected, countUsers: async () => 1 };
  const worker = joinFleet(fleet, { ...workerIdentity, heartbeatMs: 60_000 }, () => new Date());
  await eventually(async () => (await listWorkers()).length === 1);
  return worker;
}
