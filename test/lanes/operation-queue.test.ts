// The separate queue of operations, with a real Redis and a real store: operations have room beside builds, and an app still has only one
// job at a time.

import { Queue } from "bullmq";
import { afterEach, beforeEach, expect, test } from "vitest";
import { changeStatus, claim, claimOperation, endOperation, SlipwayError } from "@slipway/core";
import type { Deployment, Operation, Store } from "@slipway/core";
import { deploymentItem, openLanes, operationItem, reconcile } from "@slipway/queue";
import type { Lanes, LaneTask, RunAttempt } from "@slipway/queue";
import { aNewDeployment, anOperation, eventually } from "@slipway/testkit";
import { keys, openTestLanes } from "./test-lanes.ts";
import type { TestLanes } from "./test-lanes.ts";

const limits = { ownerSlots: 100 };
let open: AsyncDisposableStack;
let redisUrl: string;
let store: Store;
let lanes: Lanes;
let exhausted: string[];
let errors: TestLanes["errors"];
let onError: TestLanes["onError"];
let startWorker: TestLanes["startWorker"];

beforeEach(async () => {
  open = new AsyncDisposableStack();
  ({ redisUrl, store, lanes, errors, onError, startWorker } = open.use(await openTestLanes(limits)));
  exhausted = [];
});

afterEach(() => open.disposeAsync());

test("an operation runs while every build slot is taken", async () => {
  const building = Promise.withResolvers<void>();
  const proceed = Promise.withResolvers<void>();
  await work({
    run: async (task, signal) => {
      building.resolve();
      await proceed.promise;
      await deployAtOnce(task, signal);
    },
  });
  open.defer(proceed.resolve);
  const builds = [await deployment("first"), await deployment("second")];
  for (const { appId } of builds) await lanes.advance(appId);
  await building.promise;
  const restart = await operation("third");
  await lanes.advance("third");
  await hasEnded(restart);
  expect(await statuses(builds)).toEqual(["queued", "queued"]);
  proceed.resolve();
  await eventually(async () => (await statuses(builds)).every((status) => status === "aborted"));
});

test("an app has one job in both queues, however many calls are concurrent", async () => {
  const others = open.use(openLanes({ redisUrl, keys, ...store, ...limits, onError }));
  const apps = Array.from({ length: 30 }, (_, at) => `app-${at}`);
  const advanced = apps.map(async (appId) => {
    const queued = await deployment(appId);
    const first = lanes.advance(appId);
    const restart = await operation(appId);
    await Promise.all([first, others.advance(appId), lanes.advance(appId)]);
    return [queued.id, restart.id];
  });
  for (const ids of await Promise.all(advanced)) {
    const states = await Promise.all(ids.map((id) => lanes.jobState(id)));
    expect(states.toSorted()).toEqual(["gone", "live"]);
  }
});

test("an operation has no job while a deployment of its app has one, and vice versa", async () => {
  const queued = await deployment("busy");
  await lanes.advance("busy");
  const restart = await operation("busy");
  await lanes.advance("busy");
  expect([await lanes.jobState(queued.id), await lanes.jobState(restart.id)]).toEqual(["live", "gone"]);

  const other = await operation("idle");
  await lanes.advance("idle");
  // According to the store the app is free, but its job still exists.
  await store.operations.compareAndSet(endOperation(other, new Date(), null));
  const next = await deployment("idle");
  await lanes.advance("idle");
  expect([await lanes.jobState(other.id), await lanes.jobState(next.id)]).toEqual(["live", "gone"]);
  await work();
  await eventually(async () => (await statuses([queued, next])).every((status) => status === "aborted"));
  await hasEnded(restart);
});

test("an operation's job that the previous version added to the deployments' queue runs, and gets no second one", async () => {
  const restart = await operation("app");
  const options = { connection: { url: redisUrl }, prefix: keys.queuePrefix };
  const former = open.adopt(new Queue("deployments", options), (queue) => queue.close());
  const data = { type: "operate", operationId: restart.id, appId: "app", attemptBase: 0 };
  await former.add("operate", data, { jobId: restart.id, deduplication: { id: "app" }, attempts: 3 });
  await lanes.advance("app");
  await reconciled();
  const own = lanes.queues.find(({ name }) => name === "operations");
  expect(await own?.getJob(restart.id)).toBeUndefined();
  const next = await deployment("app");
  const tasks: LaneTask[] = [];
  await work({
    operate: (task, signal) => {
      tasks.push(task);
      return operateAtOnce(task, signal);
    },
  });
  await eventually(async () => (await statuses([next]))[0] === "aborted");
  await hasEnded(restart);
  expect(tasks).toMatchObject([{ id: restart.id, attempt: 1 }]);
});

test("an attempt that finds a newer one ends neither its deployment nor its operation", async () => {
  const lost = new Set<string>();
  const lose = (id: string) => {
    if (lost.has(id)) return;
    lost.add(id);
    throw new SlipwayError("lease-lost", "attempt 1 is not newer than the stored attempt 1");
  };
  await work({
    run: async (task, signal) => {
      lose(task.id);
      await deployAtOnce(task, signal);
    },
    operate: async (task, signal) => {
      lose(task.id);
      await operateAtOnce(task, signal);
    },
  });
  const claimed = claim(await deployment("first"), 1, { at: new Date(), lineCount: 0 });
  const restarting = claimOperation(await operation("second"), 1, new Date());
  await store.deployments.compareAndSet(claimed);
  await store.operations.compareAndSet(restarting);
  await lanes.requeue(deploymentItem(claimed), 0);
  await lanes.requeue(operationItem(restarting), 0);
  await eventually(async () => {
    const states = await Promise.all([lanes.jobState(claimed.id), lanes.jobState(restarting.id)]);
    return states.every((state) => state === "completed" || state === "failed");
  });
  expect(await statuses([claimed])).toEqual(["building"]);
  await reconciled();
  await eventually(async () => (await statuses([claimed]))[0] === "aborted");
  await hasEnded(restarting);
  expect(exhausted).toEqual([]);
  expect(errors.splice(0).toSorted()).toEqual([
    `attempt 2 at deployment ${claimed.id} failed: attempt 1 is not newer than the stored attempt 1`,
    `attempt 2 at operation ${restarting.id} failed: attempt 1 is not newer than the stored attempt 1`,
  ]);
});

async function deployment(appId: string): Promise<Deployment> {
  return store.deployments.create(aNewDeployment({ appId, ownerId: "owner" }));
}

async function operation(appId: string): Promise<Operation> {
  const made = anOperation({ appId, webCount: null, createdAt: new Date() });
  await store.operations.create(made);
  return made;
}

/** Starts a worker for one build and one operation at a time; both end at once, unless `own` overrides that. */
async function work(own: { readonly run?: RunAttempt; readonly operate?: RunAttempt } = {}): Promise<void> {
  await startWorker({
    work: {
      deploy: { run: own.run ?? deployAtOnce, exhaust: noteExhausted },
      operate: { run: own.operate ?? operateAtOnce, exhaust: noteExhausted },
    },
  });
}

const deployAtOnce: RunAttempt = async ({ id: deploymentId, attempt }) => {
  const found = (await store.deployments.get(deploymentId)) as Deployment;
  const change = { at: new Date(), lineCount: 0 };
  const building = claim(found, attempt, change);
  expect(await store.deployments.compareAndSet(building)).toBe(true);
  expect(await store.deployments.compareAndSet(changeStatus(building, "aborted", change))).toBe(true);
};

const operateAtOnce: RunAttempt = async ({ id: operationId, attempt }) => {
  const found = (await store.operations.get(operationId)) as Operation;
  if (found.status === "done") return;
  const claimed = claimOperation(found, attempt, new Date());
  expect(await store.operations.compareAndSet(claimed)).toBe(true);
  expect(await store.operations.compareAndSet(endOperation(claimed, new Date(), null))).toBe(true);
};

async function noteExhausted(id: string): Promise<void> {
  exhausted.push(id);
}

function reconciled(): Promise<void> {
  const unexpected = (error: unknown) => {
    throw error;
  };
  return reconcile({
    ...store,
    lanes,
    leaseMs: 10,
    work: { deploy: { exhaust: noteExhausted }, operate: { exhaust: noteExhausted } },
    onError: unexpected,
  });
}

function statuses(deployments: readonly Deployment[]): Promise<(string | undefined)[]> {
  return Promise.all(deployments.map(async ({ id }) => (await store.deployments.get(id))?.status));
}

async function hasEnded({ id }: Operation): Promise<void> {
  await eventually(async () => (await store.operations.get(id))?.status === "done");
}
