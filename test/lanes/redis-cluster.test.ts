// Lanes and the other queues on a real Redis Cluster.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openRedis } from "@slipway/bus";
import type { RedisConnection } from "@slipway/bus";
import { changeStatus, claim, isFinal, toSlipwayError } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import {
  openHousekeeping,
  openLanes,
  openNotifications,
  reconcile,
  startHousekeepingWorker,
  startLaneWorker,
  startMaintenance,
  startNotificationWorker,
} from "@slipway/queue";
import type { Lanes, RunAttempt } from "@slipway/queue";
import { openStore } from "@slipway/store";
import { aNewDeployment, eventually, lacksRedis, startRedisCluster } from "@slipway/testkit";
import type { RedisCluster } from "@slipway/testkit";
import { keys, leaseMs } from "./test-lanes.ts";

describe.skipIf(await lacksRedis())("a Redis Cluster", () => {
  const opened = new AsyncDisposableStack();
  let cluster: RedisCluster;
  let redisUrl: string;
  let redis: RedisConnection;
  let store: Store;
  let lanes: Lanes;
  let workers: AsyncDisposableStack;
  /** Connections fail while a master is away. Other errors would make a deployment wait for ever, or fail. */
  const onError = (error: unknown) => void errors.push(toSlipwayError(error).message);
  const errors: string[] = [];

  beforeAll(async () => {
    cluster = opened.use(await startRedisCluster());
    redisUrl = cluster.url;
    redis = opened.adopt(openRedis(redisUrl, { maxRetriesPerRequest: null }), (client) =>
      client.disconnect(),
    );
    redis.on("error", onError);
    const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-cluster-"))).path;
    store = opened.use(await openStore({ databaseUrl: `file:${folder}/slipway.db` }));
    lanes = opened.use(openLanes({ redisUrl, keys, ...store, onError }));
  });
  afterAll(() => opened.disposeAsync());
  beforeEach(() => {
    workers = new AsyncDisposableStack();
  });
  afterEach(() => workers.disposeAsync());

  test("each queue's jobs run, and periodic work takes its turns", async () => {
    await using queues = new AsyncDisposableStack();
    const options = { redisUrl, keys, onError };
    const done: string[] = [];
    const never = 3_600_000;
    const housekeeping = queues.use(openHousekeeping(options));
    const notifications = queues.use(openNotifications(options));
    queues.defer(
      startHousekeepingWorker({
        ...options,
        leaseMs,
        resumeAfterMs: 1_000,
        run: async ({ type }) => void done.push(type),
      }),
    );
    queues.defer(
      startNotificationWorker({ ...options, run: async ({ deliveryId }) => void done.push(deliveryId) }),
    );
    queues.defer(
      await startMaintenance({
        ...options,
        redis,
        name: "test",
        everyMs: { reconcile: never, "observe-apps": never, "limit-files": never, "sweep-rollouts": never },
        run: async ({ type }) => void done.push(type),
      }),
    );
    await housekeeping.request({ type: "prune-images", appId: "a" });
    await notifications.add({
      deliveryId: "delivery",
      appId: "a",
      notifierId: "n",
      deploymentId: "d",
      event: "test",
      at: new Date(0).toISOString(),
    });
    await lanes.requestRemoval("a");
    const expected = ["prune-images", "delivery", "remove-app", "reconcile", "observe-apps"];
    await eventually(async () => expected.every((name) => done.includes(name)));
    expect(done.filter((name) => name === "delivery")).toHaveLength(1);
  });

  test("an abort reaches the worker, and the next deployment of the app starts", async () => {
    const [aborted, next] = [await create("aborts"), await create("aborts")];
    await startWorker(async ({ id, attempt }, signal) => {
      const claimed = await claimDeployment(id, attempt);
      if (id === aborted.id) await once(signal, "abort");
      await finish(claimed);
    });
    await lanes.advance("aborts");
    await eventually(async () => (await store.deployments.get(aborted.id))?.status === "building");
    expect(await lanes.abort(aborted)).toBe(true);
    await eventually(() => areFinal([aborted, next]));
  });

  test("the master of the queue is killed during a deployment: no accepted deployment is lost", async () => {
    const accepted = [await create("app"), await create("app"), await create("other")];
    const hang = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const order: number[] = [];
    await startWorker(async ({ id, attempt }) => {
      const claimed = await claimDeployment(id, attempt);
      begun.resolve();
      await hang.promise;
      if (claimed.appId === "app") order.push(claimed.number);
      await finish(claimed);
    });
    for (const app of ["app", "other"]) await lanes.advance(app);
    await begun.promise;
    await cluster.failOver(keys.queuePrefix);
    accepted.push(await create("app"));
    hang.resolve();
    await eventually(async () => {
      await reconcileLanes();
      return areFinal(accepted);
    });
    expect([...new Set(order)]).toEqual([1, 2, 3]);
  });

  function create(appId: string): Promise<Deployment> {
    return store.deployments.create(aNewDeployment({ id: randomUUID(), appId, ownerId: "owner" }));
  }

  /** The worker stops before the lanes are disposed. */
  async function startWorker(run: RunAttempt): Promise<void> {
    const work = {
      deploy: { run, exhaust: failOnExhaust },
      operate: { run: failOnExhaust, exhaust: failOnExhaust },
    };
    const slots = { concurrency: 2, operationConcurrency: 1 };
    const worker = await startLaneWorker({
      redisUrl,
      keys,
      lanes,
      name: "test",
      ...slots,
      leaseMs,
      onError,
      work,
    });
    workers.defer(() => worker.stop({ graceMs: 100 }));
  }

  async function claimDeployment(id: string, attempt: number): Promise<Deployment> {
    const found = (await store.deployments.get(id)) as Deployment;
    const claimed = claim(found, attempt, { at: new Date(), lineCount: 0 });
    expect(await store.deployments.compareAndSet(claimed)).toBe(true);
    return claimed;
  }

  /** An attempt that lost its lease in the failover has no effect. */
  async function finish(claimed: Deployment): Promise<void> {
    await store.deployments.compareAndSet(
      changeStatus(claimed, "build-error", { at: new Date(), lineCount: 0 }),
    );
  }

  async function areFinal(deployments: readonly Deployment[]): Promise<boolean> {
    const found = await Promise.all(deployments.map(({ id }) => store.deployments.get(id)));
    return found.every((deployment) => deployment !== null && isFinal(deployment.status));
  }

  /** As maintenance does. A pass fails while Redis is away. */
  async function reconcileLanes(): Promise<void> {
    const work = { deploy: { exhaust: failOnExhaust }, operate: { exhaust: failOnExhaust } };
    await reconcile({ ...store, lanes, leaseMs, work, onError }).catch(onError);
  }
});

async function failOnExhaust(): Promise<void> {
  throw new Error("no item fails in these tests");
}
