// Lanes with a real Redis and a real store: order, one at a time, retries, requeues, crashed workers, a Redis that lost its data.

import { randomUUID } from "node:crypto";
import { Job, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { changeStatus, claim, isFinal, SlipwayError, toSlipwayError } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { openLanes, queueNames, reconcile } from "@slipway/queue";
import type { LaneTask, LaneWorker, Lanes, ReconcileOptions, RunAttempt } from "@slipway/queue";
import { openMetrics } from "@slipway/telemetry";
import { aNewDeployment, eventually, scrapeMetrics } from "@slipway/testkit";
import { keys, openTestLanes } from "./test-lanes.ts";
import type { TestLanes } from "./test-lanes.ts";

/** The reconciler's lease in tests without a worker that runs the requeued deployments. */
const soonMs = 10;
let open: AsyncDisposableStack;
let redisUrl: string;
let redis: Redis;
let store: Store;
let lanes: Lanes;
let startWorker: TestLanes["startWorker"];
let exhausted: string[];
let errors: TestLanes["errors"];
let onError: TestLanes["onError"];

beforeEach(async () => {
  open = new AsyncDisposableStack();
  await openWith({ ownerSlots: 3 });
  exhausted = [];
});

afterEach(() => open.disposeAsync());

test("a lane is first in, first out, one at a time, whatever the number of workers", async () => {
  const created = await Promise.all(Array.from({ length: 8 }, () => create("app")));
  const order: number[] = [];
  const concurrent: Deployment[] = [];
  let running = 0;
  let maxRunning = 0;
  const run: RunAttempt = async (task) => {
    const claimed = await claimTask(task);
    running += 1;
    maxRunning = Math.max(maxRunning, running);
    order.push(claimed.number);
    await lanes.advance("app");
    for (const other of created)
      if (other.id !== claimed.id && (await lanes.jobState(other.id)) === "live") concurrent.push(other);
    running -= 1;
    await finish(claimed);
  };
  for (let count = 0; count < 3; count += 1) await work(run);
  await Promise.all(created.map(() => lanes.advance("app")));
  await allFinal(created);
  expect(order).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(maxRunning).toBe(1);
  expect(concurrent).toEqual([]);
});

test("platform errors are retried with a higher attempt number, up to three tries", async () => {
  const tasks: LaneTask[] = [];
  await work(async (task) => {
    tasks.push(task);
    await claimTask(task);
    throw new SlipwayError("engine-unavailable", "the engine is down");
  });
  const created = await create("app");
  await lanes.advance("app");
  await allFinal([created]);
  expect(tasks.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(tasks.map(({ tryNumber }) => tryNumber)).toEqual([1, 2, 3]);
  expect(exhausted).toEqual([created.id]);
  expect(errors.splice(0)).toEqual(
    [1, 2, 3].map((attempt) => `attempt ${attempt} at deployment ${created.id} failed: the engine is down`),
  );
}, 60_000);

test("an unavailable database is not counted as a try, and no other deployment of the app runs meanwhile", async () => {
  const tasks: LaneTask[] = [];
  await work(async (task) => {
    tasks.push(task);
    if (tasks.length <= 5) throw new SlipwayError("store-unavailable", "the database is unavailable");
    await finish(await claimTask(task));
  });
  const created = [await create("app"), await create("app")];
  await lanes.advance("app");
  await allFinal(created);
  expect(tasks.map(({ tryNumber }) => tryNumber)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(tasks.map(({ id }) => id)).toEqual([
    ...Array.from({ length: 6 }, () => created[0]?.id),
    created[1]?.id,
  ]);
  expect(exhausted).toEqual([]);
  expect(errors.splice(0)).toEqual(
    [1, 2, 3, 4, 5].map((attempt) =>
      expect.stringContaining(`attempt ${attempt} at deployment ${created[0]?.id}`),
    ),
  );
});

test("a deployment whose last try failed ends with the reason, also if only the reconciler can end it", async () => {
  const reasons: string[] = [];
  const failed = Promise.withResolvers<void>();
  await work(
    async (task) => {
      await claimTask(task);
      throw new SlipwayError("configuration-invalid", "the registry refuses its password");
    },
    async () => {
      failed.resolve();
      throw new SlipwayError("store-unavailable", "the database is unavailable");
    },
  );
  await create("app");
  await lanes.advance("app");
  await failed.promise;
  await reconciled({
    work: {
      deploy: {
        exhaust: async (id, { message }) => {
          reasons.push(message);
          await onExhausted(id);
        },
      },
      operate: { exhaust: failOnOperation },
    },
  });
  expect(reasons).toEqual([expect.stringContaining("the registry refuses its password")]);
  expect(errors.splice(0)).toEqual([
    expect.stringContaining("the registry refuses its password"),
    "cannot advance a lane; the reconciler will: the database is unavailable",
  ]);
});

test("a deployment whose workers died too often ends with that reason, not with BullMQ's", async () => {
  const lost = await create("app");
  await lanes.advance("app");
  expect(await store.deployments.compareAndSet(claim(lost, 1, { at: new Date(), lineCount: 0 }))).toBe(true);
  const leaseOfMs = 20;
  const dying = new Worker(queueNames.deployments, () => new Promise(() => undefined), {
    connection: { url: redisUrl, maxRetriesPerRequest: null },
    prefix: keys.queuePrefix,
    concurrency: 10,
    lockDuration: leaseOfMs,
    stalledInterval: leaseOfMs,
    maxStalledCount: 2,
    skipLockRenewal: true,
  });
  dying.on("error", () => undefined);
  open.defer(() => dying.close(true));
  await eventually(async () => (await lanes.jobState(lost.id)) === "failed");
  const reasons: string[] = [];
  const exhaust = async (_id: string, { message }: SlipwayError) => void reasons.push(message);
  await reconciled({ work: { deploy: { exhaust }, operate: { exhaust: failOnOperation } } });
  expect(reasons).toEqual(["each worker that ran it ended or lost its connection"]);
});

test("a stopping worker requeues its deployment, and another worker runs it", async () => {
  const started = Promise.withResolvers<void>();
  const first = await work(async (task, signal) => {
    const claimed = await claimTask(task);
    started.resolve();
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    }).catch(async (reason: unknown) => {
      await store.deployments.compareAndSet(
        changeStatus(claimed, "queued", { at: new Date(), lineCount: 0 }),
      );
      throw reason;
    });
  });
  const created = await create("app");
  await lanes.advance("app");
  await started.promise;
  await first.stop({ graceMs: 10 });
  expect((await store.deployments.get(created.id))?.status).toBe("queued");
  await work(finishAtOnce);
  await allFinal([created]);
  expect((await store.deployments.get(created.id))?.attempt).toBe(2);
});

test("an abort reaches the worker that runs the deployment", async () => {
  const reason = Promise.withResolvers<unknown>();
  const started = Promise.withResolvers<void>();
  await work(async (task, signal) => {
    await claimTask(task);
    signal.addEventListener("abort", () => reason.resolve(signal.reason));
    started.resolve();
    await reason.promise;
  });
  const created = await create("app");
  await lanes.advance("app");
  await started.promise;
  await lanes.abort(created);
  expect(await reason.promise).toMatchObject({ code: "aborted" });
});

test("an abort leaves a job that a worker takes meanwhile to that worker", async () => {
  const created = await create("app");
  await lanes.advance("app");
  const connection = { url: redisUrl, maxRetriesPerRequest: null };
  const taker = new Worker(queueNames.deployments, null, { connection, prefix: keys.queuePrefix });
  open.defer(() => taker.close());
  const taken = vi.spyOn(Job.prototype, "getState").mockImplementationOnce(async () => {
    expect((await taker.getNextJob("token"))?.id).toBe(created.id);
    return "prioritized";
  });
  open.defer(() => taken.mockRestore());
  expect(await lanes.abort(created)).toBe(true);
  expect(await lanes.jobState(created.id)).toBe("live");
});

test("the reconciler rebuilds the queue from the store after Redis lost its data", async () => {
  const running = await create("busy");
  const claimed = claim(running, 1, { at: new Date(), lineCount: 0 });
  expect(await store.deployments.compareAndSet(claimed)).toBe(true);
  const waiting = await create("idle");
  await lanes.advance("idle");
  await redis.flushall();
  const address = { host: "127.0.0.1", port: 0 };
  await using metrics = await openMetrics({
    process: "worker",
    instance: "lanes",
    address,
    onError: unexpected,
  });
  await reconciled();
  await reconciled();
  const { value } = await scrapeMetrics(metrics.url ?? "");
  // The second pass finds the job that the first one added.
  const repaired = { kind: "deployment", repair: "requeued" };
  expect(value("slipway_reconciler_repairs_total", repaired)).toBe(1);
  const tasks: LaneTask[] = [];
  await work(async (task) => {
    tasks.push(task);
    await finish(await claimTask(task));
  });
  await allFinal([running, waiting]);
  const attempts = new Map(tasks.map(({ id, attempt }) => [id, attempt]));
  expect(attempts).toEqual(
    new Map([
      [running.id, 2],
      [waiting.id, 1],
    ]),
  );
  expect(tasks).toHaveLength(2);
});

const moreThanAllowed = 1_000;

test("a deployment that cannot be ended delays no other", async () => {
  const stuck = await create("stuck");
  const claimed = claim(stuck, moreThanAllowed, { at: new Date(), lineCount: 0 });
  expect(await store.deployments.compareAndSet(claimed)).toBe(true);
  const waiting = await create("idle");
  const reported: string[] = [];
  await reconciled({
    work: {
      deploy: {
        exhaust: () => Promise.reject(new SlipwayError("engine-unavailable", "the engine is unavailable")),
      },
      operate: { exhaust: failOnOperation },
    },
    onError: (error, what) => reported.push(`${what}: ${toSlipwayError(error).message}`),
  });
  expect(reported).toEqual([`cannot repair deployment ${stuck.id}: the engine is unavailable`]);
  expect(await lanes.jobState(waiting.id)).toBe("live");
});

test("an owner has no more running deployments than slots, however many calls are concurrent", async () => {
  await using others = openLanes({ redisUrl, keys, ...store, ownerSlots: 3, onError });
  const created = await Promise.all(["a", "b", "c", "d", "e", "f", "g", "h"].map((app) => create(app)));
  await Promise.all(created.flatMap(({ appId }) => [lanes.advance(appId), others.advance(appId)]));
  const states = await Promise.all(created.map(({ id }) => lanes.jobState(id)));
  expect(states.filter((state) => state === "live")).toHaveLength(3);
  expect(await lanes.hasSlot("owner")).toBe(false);
  await work(finishAtOnce);
  await eventually(async () => {
    await reconciled();
    return areFinal(created);
  });
});

test("a free slot goes to the app that has waited longest, however long the lane of the app that had it", async () => {
  await openWith({ ownerSlots: 1 });
  const created: Deployment[] = [];
  for (const app of ["a", "a", "a", "b", "c", "b"]) {
    created.push(await create(app));
    await lanes.advance(app);
  }
  const order: string[] = [];
  let former: Deployment | undefined;
  await work(async (task) => {
    const claimed = await claimTask(task);
    order.push(`${claimed.appId}${claimed.number}`);
    // Builds take longer than passing on a slot: until the slot is passed on, the app that had it is not waiting again.
    const app = former?.appId;
    if (app !== undefined && (await store.deployments.lane(app, 1)).length > 0)
      await eventually(async () => (await redis.zscore(keys.ownerWaiting("owner"), app)) !== null);
    former = claimed;
    await finish(claimed);
  });
  await allFinal(created);
  expect(order).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("a running deployment has a slot also after Redis lost its job", async () => {
  for (const app of ["a", "b", "c"])
    await store.deployments.compareAndSet(claim(await create(app), 1, { at: new Date(), lineCount: 0 }));
  const created = await create("d");
  await lanes.advance("d");
  expect(await lanes.jobState(created.id)).toBe("gone");
  expect(await lanes.hasSlot("owner")).toBe(false);
});

test("an aborted deployment, and one whose app has a job already, take no slot", async () => {
  const [a, b, c] = [await create("a"), await create("b"), await create("c")];
  for (const app of ["a", "b", "c"]) await lanes.advance(app);
  expect(await lanes.hasSlot("owner")).toBe(false);
  // According to the store the app is free, but its job still runs.
  await store.deployments.compareAndSet(changeStatus(a, "aborted", { at: new Date(), lineCount: 0 }));
  const second = await create("a");
  await lanes.advance("a");
  expect(await lanes.jobState(second.id)).toBe("gone");
  await lanes.abort(b);
  await lanes.abort(c);
  const free = [await create("d"), await create("e")];
  for (const { appId } of free) await lanes.advance(appId);
  expect(await Promise.all(free.map(({ id }) => lanes.jobState(id)))).toEqual(["live", "live"]);
});

async function openWith(limits: { readonly ownerSlots: number }): Promise<void> {
  const opened = open.use(await openTestLanes(limits));
  ({ redisUrl, redis, store, lanes, errors, onError, startWorker } = opened);
}

async function create(appId: string): Promise<Deployment> {
  return store.deployments.create(aNewDeployment({ id: randomUUID(), appId, ownerId: "owner" }));
}

function work(run: RunAttempt, whenExhausted = onExhausted): Promise<LaneWorker> {
  const operate = { run: failOnOperation, exhaust: failOnOperation };
  return startWorker({
    concurrency: 2,
    work: { deploy: { run, exhaust: whenExhausted }, operate },
    outageDelayMs: 10,
  });
}

const finishAtOnce: RunAttempt = async (task) => finish(await claimTask(task));

async function claimTask({ id: deploymentId, attempt }: LaneTask): Promise<Deployment> {
  const found = (await store.deployments.get(deploymentId)) as Deployment;
  const claimed = claim(found, attempt, { at: new Date(), lineCount: 0 });
  expect(await store.deployments.compareAndSet(claimed)).toBe(true);
  return claimed;
}

async function finish(claimed: Deployment): Promise<void> {
  const ended = changeStatus(claimed, "build-error", { at: new Date(), lineCount: 0 });
  expect(await store.deployments.compareAndSet(ended)).toBe(true);
}

async function onExhausted(deploymentId: string): Promise<void> {
  exhausted.push(deploymentId);
  const found = (await store.deployments.get(deploymentId)) as Deployment;
  if (isFinal(found.status)) return;
  await store.deployments.compareAndSet(changeStatus(found, "aborted", { at: new Date(), lineCount: 0 }));
}

function reconciled(changes: Partial<ReconcileOptions> = {}): Promise<void> {
  const ends = { deploy: { exhaust: onExhausted }, operate: { exhaust: failOnOperation } };
  const all = { ...store, lanes, leaseMs: soonMs, work: ends, onError: unexpected };
  return reconcile({ ...all, ...changes });
}

function unexpected(error: unknown): never {
  throw error;
}

async function failOnOperation(): Promise<void> {
  throw new Error("unexpected operation");
}

async function allFinal(deployments: readonly Deployment[]): Promise<void> {
  await eventually(() => areFinal(deployments));
}

async function areFinal(deployments: readonly Deployment[]): Promise<boolean> {
  const now = await Promise.all(deployments.map(({ id }) => store.deployments.get(id)));
  return now.every((deployment) => deployment !== null && isFinal(deployment.status));
}
