// Build slots with a real Redis and a real store: deployments without a build need none, and owners share them.

import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { changeStatus, claim } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { ItemFailed } from "@slipway/queue";
import type { LaneTask, LaneWorker, Lanes } from "@slipway/queue";
import { aNewDeployment, anApp, eventually } from "@slipway/testkit";
import { keys, openTestLanes } from "./test-lanes.ts";
import type { TestLanes } from "./test-lanes.ts";

/** Builds end at once after a test. */
const stopGraceMs = 10_000;
let open: AsyncDisposableStack;
let startWorker: TestLanes["startWorker"];
let redis: Redis;
let store: Store;
let lanes: Lanes;
/** Callbacks that end each running build and each start, by app id. */
let building: Map<string, () => void>;
let starting: Map<string, () => void>;
/** `app@worker` of each build, in the order of the starts. */
let order: string[];
let isOver: boolean;

beforeEach(async () => {
  open = new AsyncDisposableStack();
  ({ redis, store, lanes, startWorker } = open.use(await openTestLanes({ reservedSlots: 1 })));
  building = new Map();
  starting = new Map();
  order = [];
  isOver = false;
  await redis.hset(keys.fleetCapacity, { slots: 100, users: 2 });
});
afterEach(async () => {
  isOver = true;
  for (const finish of [...building.values(), ...starting.values()]) finish();
  await open.disposeAsync();
});

test("a build begins while other apps start, and no two builds run in one slot", async () => {
  await startBuilding("w1", 1);
  for (const app of ["a", "b", "c"]) await queue(app);
  for (const app of ["a", "b", "c"]) {
    await eventually(async () => building.has(app));
    expect([...building.keys()]).toEqual([app]);
    building.get(app)?.();
    await eventually(async () => starting.has(app));
  }
  expect([...starting.keys()]).toEqual(["a", "b", "c"]);
  for (const end of starting.values()) end();
  await eventually(async () => (await redis.zcard(keys.ownerSlots("owner"))) === 0);
});

test("no more deployments run beside the builds than the worker allows", async () => {
  await startBuilding("w1", 1, 1);
  for (const app of ["a", "b", "c"]) await queue(app);
  for (const app of ["a", "b"]) {
    await eventually(async () => building.has(app));
    building.get(app)?.();
    await eventually(async () => starting.has(app));
  }
  expect(building.size).toBe(0);
  starting.get("a")?.();
  await eventually(async () => building.has("c"));
});

test("a deployment of an earlier release waits for no build slot and no slot of its owner", async () => {
  await startBuilding("w1", 1);
  await queue("a");
  await eventually(async () => building.has("a"));
  const rollback = await queue("b", { source: { kind: "release", releaseId: "r1" } });
  await eventually(async () => starting.has("b"));
  expect(await lanes.jobState(rollback.id)).toBe("live");
  starting.get("b")?.();
  await eventually(async () => (await store.deployments.get(rollback.id))?.finishedAt !== null);
});

test("a deployment of an earlier release that waits can be aborted", async () => {
  const rollback = await queue("b", { source: { kind: "release", releaseId: "r1" } });
  expect(await lanes.jobState(rollback.id)).toBe("live");
  expect(await lanes.abort(rollback)).toBe(false);
  expect(await lanes.jobState(rollback.id)).toBe("gone");
});

test("a worker without a free slot leaves a deployment to a worker that has one", async () => {
  await startBuilding("w1", 1);
  await queue("a");
  await eventually(async () => building.has("a"));
  await queue("b");
  await startBuilding("w2", 1);
  await eventually(async () => building.has("b"));
  expect(order).toEqual(["a@w1", "b@w2"]);
});

test("the end of a build frees the owner's slot for the app that has waited longest", async () => {
  await redis.hset(keys.fleetCapacity, { slots: 2, users: 2 });
  await startBuilding("w1", 2);
  for (const app of ["a", "b", "c"]) await queue(app);
  await eventually(async () => building.has("a"));
  expect(await lanes.hasSlot("owner")).toBe(false);
  building.get("a")?.();
  await eventually(async () => building.has("b"));
  expect([...starting.keys()]).toEqual(["a"]);
  expect([...building.keys()]).toEqual(["b"]);
});

test("an owner without active deployments goes before one with several, and no owner waits for a whole burst", async () => {
  await startBuilding("w1", 1);
  await queue("blocker", { ownerId: "first" });
  await eventually(async () => building.has("blocker"));
  for (let number = 0; number < 6; number += 1) await queue(`h${number}`, { ownerId: "hoarder" });
  for (let number = 0; number < 30; number += 1) await queue(`s${number}`, { ownerId: `other-${number}` });
  isOver = true;
  building.get("blocker")?.();
  await eventually(async () => order.length === 37);
  const apps = order.map((entry) => entry.replace("@w1", ""));
  const otherApps = Array.from({ length: 30 }, (_, number) => `s${number}`);
  expect(apps[1]).toBe("h0");
  expect(apps.filter((app) => app.startsWith("s"))).toEqual(otherApps);
  expect(apps.filter((app) => app.startsWith("h"))).toEqual(["h0", "h1", "h2", "h3", "h4", "h5"]);
  const othersBefore = [0, 1, 2, 3, 4, 5].map(
    (number) => apps.slice(0, apps.indexOf(`h${number}`)).filter((app) => app.startsWith("s")).length,
  );
  expect(othersBefore).toEqual([0, 3, 12, 21, 30, 30]);
});

test("a draining worker finishes its deployments, takes no others, and takes some again when draining ends", async () => {
  const draining = await startBuilding("w1", 2);
  await queue("a");
  await eventually(async () => building.has("a"));
  await draining.setDraining(true);
  const { id } = await queue("b");
  await startBuilding("w2", 1);
  await eventually(async () => building.has("b"));
  expect(order).toEqual(["a@w1", "b@w2"]);
  // Each assignment to a worker counts. A draining worker requeues at most the one assignment that BullMQ made before the pause.
  expect((await lanes.queues[0]?.getJob(id))?.attemptsStarted).toBeLessThanOrEqual(2);
  const idle = draining.idle();
  building.get("a")?.();
  await eventually(async () => starting.has("a"));
  starting.get("a")?.();
  await idle;
  expect(draining.active).toBe(0);
  await queue("c");
  await draining.setDraining(false);
  await eventually(async () => building.has("c"));
  expect(order[2]).toBe("c@w1");
});

test("a deployment that ends with an error is a failed job, and its lane advances", async () => {
  await store.apps.create(anApp({ id: "a", name: "shop" }));
  await startBuilding("w1", 1, 16, true);
  const first = await queue("a");
  const second = await queue("a", { gitRef: "v2" });
  for (let number = 0; number < 2; number += 1) {
    await eventually(async () => building.has("a"));
    building.get("a")?.();
    await eventually(async () => starting.has("a"));
    starting.get("a")?.();
    await eventually(async () => !starting.has("a"));
  }
  await eventually(async () => (await lanes.jobState(second.id)) === "failed");
  expect(await lanes.jobState(first.id)).toBe("failed");
  expect(await lanes.failureReasonOf(first.id)).toBe("build-error");
  expect((await lanes.queues[0]?.getJob(second.id))?.name).toBe("shop v2");
});

/** @param fails whether deployments end with an error. */
function startBuilding(
  name: string,
  concurrency: number,
  startConcurrency = 16,
  fails = false,
): Promise<LaneWorker> {
  const unexpected = () => Promise.reject(new Error("unexpected work"));
  const run = async (task: LaneTask) => {
    await deploy(task, name);
    if (fails) throw new ItemFailed("build-error");
  };
  const work = { deploy: { run, exhaust: unexpected }, operate: { run: unexpected, exhaust: unexpected } };
  return startWorker({ name, concurrency, startConcurrency, work }, stopGraceMs);
}

/** Builds and starts; each lasts until the test ends it. */
async function deploy({ id, appId, attempt, buildSlot }: LaneTask, worker: string): Promise<void> {
  const found = (await store.deployments.get(id)) as Deployment;
  const at = { at: new Date(), lineCount: 0 };
  const claimed = claim(found, attempt, at);
  expect(await store.deployments.compareAndSet(claimed)).toBe(true);
  if (found.source.kind !== "release") {
    await buildSlot?.take(new AbortController().signal, () => {});
    order.push(`${appId}@${worker}`);
    await until(building, appId);
    buildSlot?.end();
  }
  await until(starting, appId);
  expect(await store.deployments.compareAndSet(changeStatus(claimed, "build-error", at))).toBe(true);
}

async function until(ends: Map<string, () => void>, appId: string): Promise<void> {
  await new Promise<void>((resolve) => {
    ends.set(appId, resolve);
    if (isOver) resolve();
  });
  ends.delete(appId);
}

async function queue(appId: string, changes: Partial<Deployment> = {}): Promise<Deployment> {
  const deployment = await store.deployments.create(
    aNewDeployment({ id: randomUUID(), appId, ownerId: "owner", ...changes }),
  );
  await lanes.advance(appId);
  return deployment;
}
