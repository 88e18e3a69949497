// The cost of lanes and their reconciler in calls of a real Redis. Also tests that a pass still finds missing jobs.

import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { changeStatus, claim } from "@slipway/core";
import type { Store } from "@slipway/core";
import { openLanes, reconcile } from "@slipway/queue";
import type { Lanes, LaneWorker, RunAttempt } from "@slipway/queue";
import { aNewDeployment, anOperation, unexpected } from "@slipway/testkit";
import { keys, leaseMs, openTestLanes } from "./test-lanes.ts";
import type { TestLanes } from "./test-lanes.ts";

const ownerSlots = 2;
const appsPerOwner = 4;
let open: AsyncDisposableStack;
let redisUrl: string;
let startWorker: TestLanes["startWorker"];
let redis: Redis;
let store: Store;
let lanes: Lanes;

beforeEach(async () => {
  open = new AsyncDisposableStack();
  ({ redisUrl, redis, store, lanes, startWorker } = open.use(await openTestLanes({ ownerSlots })));
});
afterEach(() => open.disposeAsync());

test("a pass that finds nothing missing costs the same number of calls for 12 and for 120 waiting apps", async () => {
  await queueApps(3);
  await reconciled();
  const few = await callsOf(reconciled);
  await queueApps(27);
  await reconciled();
  expect(await callsOf(reconciled)).toEqual(few);
});

test("a pass writes nothing when nothing is missing", async () => {
  await queueApps(2);
  await reconciled();
  const before = await dump();
  await reconciled();
  expect(await dump()).toEqual(before);
});

test("after a loss of Redis an owner's apps get its slots, and wait for them, in the order of their deployments", async () => {
  const [ownerId = ""] = await queueApps(1);
  await redis.flushall();
  await reconciled();
  const states = await Promise.all(appsOf(ownerId).map(async (appId) => stateOfHead(appId)));
  expect(states).toEqual(["live", "live", "gone", "gone"]);
  expect(await redis.zrange(keys.ownerWaiting(ownerId), 0, "-1")).toEqual(appsOf(ownerId).slice(ownerSlots));
});

test("a slot whose job is gone is given to the app that waits for it", async () => {
  const [ownerId = ""] = await queueApps(1);
  const [first = ""] = appsOf(ownerId);
  const [head] = await store.deployments.lane(first, 1);
  await store.deployments.removeOfApp(first);
  await lanes.queues[0]?.remove(head?.id ?? "");
  await reconciled();
  expect(await stateOfHead(appsOf(ownerId)[2] ?? "")).toBe("live");
});

test("an operation without a job gets one, also if a deployment of its app waits for a slot", async () => {
  const [ownerId = ""] = await queueApps(1);
  const appId = appsOf(ownerId).at(-1) ?? "";
  const operation = anOperation({ appId });
  await store.operations.create(operation);
  await reconciled();
  expect(await lanes.jobState(operation.id)).toBe("live");
  expect(await stateOfHead(appId)).toBe("gone");
});

test("a deployment of an earlier release without a job gets one while its owner has no free slot", async () => {
  const [ownerId = ""] = await queueApps(1);
  const source = { kind: "release", releaseId: randomUUID() } as const;
  const id = randomUUID();
  await store.deployments.create(aNewDeployment({ id, appId: "another", ownerId, source }));
  await reconciled();
  expect(await lanes.jobState(id)).toBe("live");
  expect(await redis.zrange(keys.ownerWaiting(ownerId), 0, "-1")).toEqual(appsOf(ownerId).slice(ownerSlots));
});

test("a slot of an owner whose build has ended is given to the app that waits for it, by a pass too", async () => {
  const [ownerId = ""] = await queueApps(1);
  const [first = "", , next = ""] = appsOf(ownerId);
  const [built] = await store.deployments.lane(first, 1);
  await redis.hset(keys.fleetCapacity, { slots: 3, users: 2 });
  await using reserving = openLanes({ redisUrl, keys, ...store, reservedSlots: 1, onError: unexpected });
  await reconciledBy(reserving);
  expect(await stateOfHead(next)).toBe("gone");
  await redis.zadd(keys.ownerSlots(ownerId), "-inf", built?.id ?? "");
  await reconciledBy(reserving);
  expect(await stateOfHead(next)).toBe("live");
});

test("a job is added with three scripts: take the slot, add, confirm; and one finds that it exists", async () => {
  await queueApps(1);
  await store.deployments.create(aNewDeployment({ id: randomUUID(), appId: "app", ownerId: "another" }));
  expect(await callsOf(() => lanes.advance("app"))).toBe(3);
  expect(await callsOf(() => lanes.advance("app"))).toBe(1);
});

test("concurrent calls for one app need two runs", async () => {
  await queueApps(1);
  await store.deployments.create(aNewDeployment({ id: randomUUID(), appId: "app", ownerId: "another" }));
  const advance = async () => {
    await Promise.all(Array.from({ length: 20 }, () => lanes.advance("app")));
  };
  expect(await callsOf(advance)).toBe(4);
});

test("a deployment of an owner with many waiting apps costs no more at the end than at the beginning", async () => {
  const [perPart, parts] = [20, 5];
  const calls: number[] = [];
  let ended = 0;
  const all = Promise.withResolvers<void>();
  const appIds = Array.from({ length: perPart * parts }, (_, index) => `app-${index}`);
  for (const appId of appIds) {
    await store.deployments.create(aNewDeployment({ id: randomUUID(), appId, ownerId: "owner" }));
    await lanes.advance(appId);
  }
  await startRunning(async ({ id, attempt, buildSlot }) => {
    const queued = await store.deployments.get(id);
    if (queued === null) throw new Error(`deployment ${id} is missing`);
    const claimed = claim(queued, attempt, { at: new Date(), lineCount: 0 });
    await store.deployments.compareAndSet(claimed);
    buildSlot?.end();
    const change = { at: new Date(), lineCount: 0 };
    await store.deployments.compareAndSet(changeStatus(claimed, "build-error", change));
    ended += 1;
    if (ended % perPart === 0) calls.push(await scriptsRun());
    if (ended === appIds.length) all.resolve();
  });
  await all.promise;
  const [, second = 0, ...others] = calls.map((sum, index) => sum - (calls[index - 1] ?? 0));
  expect(Math.max(...others)).toBeLessThan(1.5 * second);
});

function startRunning(run: RunAttempt): Promise<LaneWorker> {
  const operate = { run: unexpected, exhaust: unexpected };
  return startWorker({ concurrency: 4, work: { deploy: { run, exhaust: unexpected }, operate } });
}

/** Queues one deployment of each of an owner's apps. @returns the owners' ids. */
async function queueApps(owners: number): Promise<string[]> {
  const ownerIds = Array.from({ length: owners }, () => randomUUID());
  for (const ownerId of ownerIds) {
    for (const [index, appId] of appsOf(ownerId).entries()) {
      const createdAt = new Date(1_000 * (index + 1));
      await store.deployments.create(aNewDeployment({ id: randomUUID(), appId, ownerId, createdAt }));
      await lanes.advance(appId);
    }
  }
  return ownerIds;
}

/** In the reverse order of their ids: the order of their deployments differs from the order in which they are read. */
function appsOf(ownerId: string): string[] {
  return Array.from({ length: appsPerOwner }, (_, index) => `${ownerId}-${appsPerOwner - index}`);
}

async function stateOfHead(appId: string) {
  const [head] = await store.deployments.lane(appId, 1);
  return lanes.jobState(head?.id ?? "");
}

function reconciled(): Promise<void> {
  return reconciledBy(lanes);
}

function reconciledBy(by: Lanes): Promise<void> {
  const work = { deploy: { exhaust: unexpected }, operate: { exhaust: unexpected } };
  return reconcile({ ...store, lanes: by, leaseMs, work, onError: unexpected });
}

/** The number of scripts and other commands that clients sent during the work. */
async function callsOf(work: () => Promise<void>): Promise<number> {
  const before = await scriptsRun();
  await work();
  return (await scriptsRun()) - before;
}

async function scriptsRun(): Promise<number> {
  const stats = await redis.info("commandstats");
  return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}

/** The content of every key. */
async function dump(): Promise<[string, string][]> {
  const found = (await redis.keys("*")).toSorted();
  return Promise.all(found.map(async (key) => [key, (await redis.dumpBuffer(key)).toString("base64")]));
}
