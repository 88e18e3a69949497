// One owner's endless builds, with a real Redis and a real store: builds of other owners start beside them.

import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { changeStatus, claim } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { reconcile } from "@slipway/queue";
import type { LaneTask, Lanes } from "@slipway/queue";
import { aNewDeployment, eventually } from "@slipway/testkit";
import { keys, leaseMs, openTestLanes } from "./test-lanes.ts";
import type { TestLanes } from "./test-lanes.ts";

/** Builds end at once after a test. */
const stopGraceMs = 10_000;
let open: AsyncDisposableStack;
let startWorker: TestLanes["startWorker"];
let onError: TestLanes["onError"];
let redis: Redis;
let store: Store;
let lanes: Lanes;
/** Callbacks that end each running build, by app id, in the order of the builds' starts. */
let running: Map<string, () => void>;
let order: string[];
/** Whether builds end at once. */
let isOver: boolean;

beforeEach(async () => {
  open = new AsyncDisposableStack();
  ({ redis, store, lanes, onError, startWorker } = open.use(await openTestLanes({ reservedSlots: 1 })));
  running = new Map();
  order = [];
  isOver = false;
});
afterEach(async () => {
  isOver = true;
  for (const finish of running.values()) finish();
  await open.disposeAsync();
});

test.for([
  [1, 1],
  [2, 1],
  [4, 3],
])(
  "with %i build slots, ten apps of one owner run %i builds, and another owner's is the next",
  async ([slots, held]) => {
    await startWorkers(slots ?? 0);
    await queueTenAppsOf("hoarder");
    await eventually(async () => running.size === held);
    const other = await queue("other", "other");
    if (held === slots) end("hoarder-0");
    await eventually(async () => running.has("other"));
    expect(order.indexOf("other")).toBe(held);
    expect([...running.keys()].filter((app) => app.startsWith("hoarder"))).toHaveLength((slots ?? 0) - 1);
    end("other");
    await eventually(async () => (await store.deployments.get(other.id))?.finishedAt !== null);
  },
);

test("an owner's waiting apps get the slots of a fleet that grows", async () => {
  await startWorkers(2);
  await queueTenAppsOf("hoarder");
  await eventually(async () => running.size === 1);
  await startWorkers(4);
  await setCapacity(6);
  const exhaust = () => Promise.reject(new Error("unexpected end"));
  const work = { deploy: { exhaust }, operate: { exhaust } };
  await reconcile({ ...store, lanes, leaseMs, work, onError });
  await eventually(async () => running.size === 5);
  expect([...running.keys()].toSorted()).toEqual([0, 1, 2, 3, 4].map((number) => `hoarder-${number}`));
});

async function startWorkers(concurrency: number): Promise<void> {
  await setCapacity(concurrency);
  const unexpected = () => Promise.reject(new Error("unexpected work"));
  const operate = { run: unexpected, exhaust: unexpected };
  const work = { deploy: { run: build, exhaust: unexpected }, operate };
  await startWorker({ concurrency, work }, stopGraceMs);
}

async function setCapacity(slots: number): Promise<void> {
  await redis.hset(keys.fleetCapacity, { slots, users: 2 });
}

/** Runs until the test ends it. */
async function build({ id, appId, attempt }: LaneTask): Promise<void> {
  const found = (await store.deployments.get(id)) as Deployment;
  const at = { at: new Date(), lineCount: 0 };
  const claimed = claim(found, attempt, at);
  expect(await store.deployments.compareAndSet(claimed)).toBe(true);
  order.push(appId);
  await new Promise<void>((resolve) => {
    running.set(appId, resolve);
    if (isOver) resolve();
  });
  running.delete(appId);
  expect(await store.deployments.compareAndSet(changeStatus(claimed, "build-error", at))).toBe(true);
}

function end(appId: string): void {
  running.get(appId)?.();
}

async function queueTenAppsOf(ownerId: string): Promise<void> {
  for (let number = 0; number < 10; number += 1) await queue(ownerId, `${ownerId}-${number}`);
}

async function queue(ownerId: string, appId: string): Promise<Deployment> {
  const deployment = await store.deployments.create(aNewDeployment({ id: randomUUID(), appId, ownerId }));
  await lanes.advance(appId);
  return deployment;
}
