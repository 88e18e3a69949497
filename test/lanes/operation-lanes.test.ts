// Operations in their app's lane, with a real Redis and a real store: before and beside deployments, retries, crashed workers, a Redis that
// lost its data.

import type { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  changeStatus,
  claim,
  claimOperation,
  endOperation,
  isFinal,
  hasEnded,
  SlipwayError,
} from "@slipway/core";
import type { Deployment, Operation, Store } from "@slipway/core";
import { reconcile } from "@slipway/queue";
import type { LaneWorker, Lanes, RunAttempt } from "@slipway/queue";
import { aNewDeployment, anOperation, eventually } from "@slipway/testkit";
import { openTestLanes } from "./test-lanes.ts";
import type { TestLanes } from "./test-lanes.ts";

const appId = "app";
let open: AsyncDisposableStack;
let redis: Redis;
let store: Store;
let lanes: Lanes;
let workers: LaneWorker[];
/** The deployments and operations that ran, in the order of their starts. */
let order: string[];
let running: number;
let maxRunning: number;
let errors: TestLanes["errors"];
let startWorker: TestLanes["startWorker"];
/** Time of the last operation. Two operations within a millisecond may run in either order. */
let createdAt = new Date(0);

beforeEach(async () => {
  open = new AsyncDisposableStack();
  // There is one slot, which the running deployment has taken: an operation needs no slot.
  ({ redis, store, lanes, errors, startWorker } = open.use(await openTestLanes({ ownerSlots: 1 })));
  workers = [];
  order = [];
  running = 0;
  maxRunning = 0;
});

afterEach(async () => {
  await open.disposeAsync();
  if (maxRunning !== 1) throw new Error(`${maxRunning} attempts of one app ran at a time`);
});

test("an operation waits for the deployment that runs and goes before those that are queued", async () => {
  const started = Promise.withResolvers<void>();
  const proceed = Promise.withResolvers<void>();
  await work({
    run: async (task, signal) => {
      began(task.id);
      started.resolve();
      await proceed.promise;
      running -= 1;
      await deployAtOnce(task, signal);
    },
  });
  await work();
  const [first, second] = [await deployment(), await deployment()];
  await lanes.advance(appId);
  await started.promise;
  const [restart, scaling] = [await operation(), await operation(3)];
  await lanes.advance(appId);
  expect(await lanes.jobState(restart.id)).toBe("gone");
  expect(await store.operations.get(restart.id)).toEqual(restart);
  proceed.resolve();
  await allOver();
  expect(order).toEqual([first.id, restart.id, scaling.id, second.id]);
});

test("an operation that no worker can perform ends in an error, and its lane moves on", async () => {
  const impossible = new SlipwayError("configuration-invalid", "the worker has no scheduler");
  const failing = await operation();
  await work({
    operate: (task, signal) =>
      task.id === failing.id ? Promise.reject(impossible) : operateAtOnce(task, signal),
  });
  const next = await operation();
  await lanes.advance(appId);
  await allOver();
  expect(await store.operations.get(failing.id)).toMatchObject({ status: "error" });
  expect(errors.splice(0)).toEqual([
    `attempt 1 at operation ${failing.id} failed: the worker has no scheduler`,
  ]);
  expect(await store.operations.get(next.id)).toMatchObject({ status: "done" });
});

test("running and waiting operations and deployments are queued again after Redis lost its data", async () => {
  const claimed = claimOperation(await operation(), 1, new Date());
  await store.operations.compareAndSet(claimed);
  const waiting = await operation(2);
  const queued = await deployment();
  await redis.flushall();
  await Promise.all([reconciled(), reconciled()]);
  await work();
  await allOver();
  expect(order).toEqual([claimed.id, waiting.id, queued.id]);
  expect(await store.operations.get(claimed.id)).toMatchObject({ status: "done", attempt: 2 });
});

test("an operation without a job runs, and one whose attempts are used up ends in an error", async () => {
  await work();
  const lost = await operation();
  await reconciled();
  await eventually(async () => (await store.operations.get(lost.id))?.status === "done");
  // A worker would add the next operation's job before the test claims the operation below.
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceMs: 100 })));
  const failed = await operation();
  const claimed = claimOperation(failed, 40, new Date());
  await store.operations.compareAndSet(claimed);
  await reconciled();
  expect(await store.operations.get(failed.id)).toMatchObject({ status: "error" });
});

async function deployment(): Promise<Deployment> {
  return store.deployments.create(aNewDeployment({ appId, ownerId: "owner" }));
}

async function operation(webCount: number | null = null): Promise<Operation> {
  createdAt = new Date(Math.max(Date.now(), createdAt.getTime() + 1));
  const made = anOperation({ appId, webCount, createdAt });
  await store.operations.create(made);
  return made;
}

/** Starts a worker; operations and deployments end at once, unless `own` overrides that. */
async function work(own: { readonly run?: RunAttempt; readonly operate?: RunAttempt } = {}): Promise<void> {
  const worker = await startWorker({
    concurrency: 2,
    operationConcurrency: 2,
    work: {
      deploy: { run: own.run ?? deployAtOnce, exhaust: failOnDeployment },
      operate: { run: own.operate ?? operateAtOnce, exhaust: endInError },
    },
  });
  workers.push(worker);
}

const deployAtOnce: RunAttempt = async ({ id: deploymentId, attempt }) => {
  began(deploymentId);
  const found = (await store.deployments.get(deploymentId)) as Deployment;
  const change = { at: new Date(), lineCount: 0 };
  const building = claim(found, attempt, change);
  expect(await store.deployments.compareAndSet(building)).toBe(true);
  expect(await store.deployments.compareAndSet(changeStatus(building, "aborted", change))).toBe(true);
  running -= 1;
};

const operateAtOnce: RunAttempt = async ({ id: operationId, attempt }) => {
  began(operationId);
  const found = (await store.operations.get(operationId)) as Operation;
  const claimed = claimOperation(found, attempt, new Date());
  expect(await store.operations.compareAndSet(claimed)).toBe(true);
  expect(await store.operations.compareAndSet(endOperation(claimed, new Date(), null))).toBe(true);
  running -= 1;
};

function began(id: string): void {
  running += 1;
  maxRunning = Math.max(maxRunning, running);
  if (!order.includes(id)) order.push(id);
}

async function endInError(id: string, { code, message }: SlipwayError): Promise<void> {
  const found = (await store.operations.get(id)) as Operation;
  await store.operations.compareAndSet(endOperation(found, new Date(), { code, message }));
}

async function failOnDeployment(id: string): Promise<void> {
  throw new Error(`unexpected end of deployment ${id}`);
}

function reconciled(): Promise<void> {
  const fail = (error: unknown) => {
    throw error;
  };
  const ends = { deploy: { exhaust: failOnDeployment }, operate: { exhaust: endInError } };
  return reconcile({ ...store, lanes, leaseMs: 10, work: ends, onError: fail });
}

async function allOver(): Promise<void> {
  await eventually(async () => {
    const waiting = await store.operations.pending(appId, 100);
    const lane = await store.deployments.lane(appId, 100);
    const claimed = [await store.operations.running(appId), await store.deployments.running(appId)];
    return waiting.length + lane.length === 0 && claimed.every((found) => found === null || over(found));
  });
}

function over(found: Deployment | Operation): boolean {
  return "kind" in found ? hasEnded(found) : isFinal(found.status);
}
