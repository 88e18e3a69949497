import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Bus } from "@slipway/bus";
import { redisKeys } from "@slipway/protocol";
import { lacksRedis, startRedis, unexpected } from "@slipway/testkit";
import { openLaneQueues, queueKeys } from "./lane-queues.ts";
import type { LaneJobState, LaneQueues } from "./lane-queues.ts";
import { openOwnerSlots } from "./owner-slots.ts";

const ownerId = "owner";
const waitingJobsKey = "{slots-test}:prioritized";
const others = (count: number) => expect.objectContaining({ others: count });

describe.skipIf(await lacksRedis())("the slots of an owner", () => {
  let opened: AsyncDisposableStack;
  let bus: Bus;
  let queues: LaneQueues;
  let running: string[];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const { url } = opened.use(await startRedis());
    const redis = opened.adopt(new Redis(url), (client) => client.disconnect());
    bus = { redis, keys: redisKeys("slots-test") };
    queues = opened.use(openLaneQueues({ bus, redisUrl: url, onError: unexpected }));
    running = [];
  });
  afterEach(() => opened.disposeAsync());

  const open = (limit: number, reserved = 0) => {
    const deployments = { runningOfOwner: async () => running };
    return openOwnerSlots({
      bus,
      jobStates: (ids) => queues.states(ids),
      deployments,
      limit,
      reserved,
      waitingJobsKey,
    });
  };
  const setCapacity = (slots: number, users = 2) => bus.redis.hset(bus.keys.fleetCapacity, { slots, users });
  const taker = (id: string) => ({ id, appId: `app of ${id}`, ownerId });
  const waiting = () => bus.redis.zrange(bus.keys.ownerWaiting(ownerId), "0", "-1");
  /** As BullMQ stores the parts of a job that determine its state. */
  const setJob = async (id: string, state: LaneJobState, [queue]: [string, string] = queueKeys(bus.keys)) => {
    await bus.redis.del(`${queue}${id}`);
    for (const end of ["completed", "failed"]) await bus.redis.zrem(`${queue}${end}`, id);
    if (state === "gone") return;
    await bus.redis.hset(`${queue}${id}`, { name: "a build" });
    if (state !== "live") await bus.redis.zadd(`${queue}${state}`, 1, id);
  };
  const held = () => bus.redis.zrange(bus.keys.ownerSlots(ownerId), "0", "-1");
  const claimOf = (id: string) => bus.redis.get(bus.keys.laneClaim(`app of ${id}`));
  const isConfirmed = async (id: string) =>
    Number(await bus.redis.zscore(bus.keys.ownerSlots(ownerId), id)) < 0;
  const reserve = (id: string, score: number) => bus.redis.zadd(bus.keys.ownerSlots(ownerId), score, id);

  test("concurrent calls take no more slots than the limit, and record the apps that wait", async () => {
    const slots = open(2);
    const taken = await Promise.all(["a", "b", "c", "d"].map((id) => slots.take(taker(id))));
    expect(taken.filter((one) => typeof one !== "string")).toHaveLength(2);
    expect(await slots.hasFree(ownerId)).toBe(false);
    expect(await waiting()).toHaveLength(2);
  });

  test("a slot is free for the next deployment once its job has ended or no longer exists", async () => {
    const slots = open(1);
    for (const [id, end] of [
      ["a", "completed"],
      ["b", "failed"],
      ["c", "gone"],
    ] as const) {
      expect(await slots.take(taker(id))).toEqual(others(0));
      await setJob(id, "live");
      await slots.confirm(taker(id));
      expect(await slots.take(taker("next"))).toBe("full");
      await setJob(id, end);
      await slots.stopWaiting(ownerId, "app of next");
    }
    expect(await slots.take(taker("next"))).toEqual(others(0));
    expect(await waiting()).toEqual([]);
  });

  test.for([
    ["no live worker", null, 1, 1],
    ["one slot", 1, 1, 1],
    ["two slots", 2, 1, 1],
    ["five slots", 5, 1, 4],
    ["five slots, of which two are reserved", 5, 2, 3],
    ["as many slots as the owner's limit", 8, 1, 7],
    ["more slots than the owner's limit", 20, 1, 8],
    ["five slots, of which none is reserved", 5, 0, 8],
  ] as const)("with %s, one owner holds no reserved slot", async ([, capacity, reserved, expected]) => {
    if (capacity !== null) await setCapacity(capacity);
    const slots = open(8, reserved);
    const ids = Array.from({ length: 12 }, (_, at) => `d${at}`);
    const taken = await Promise.all(ids.map((id) => slots.take(taker(id))));
    expect(taken.filter((one) => typeof one !== "string")).toHaveLength(expected);
    expect(await slots.hasFree(ownerId)).toBe(false);
    expect(await waiting()).toHaveLength(12 - expected);
  });

  test("a single user holds reserved slots too", async () => {
    await setCapacity(2, 1);
    const slots = open(8, 1);
    expect(await slots.take(taker("a"))).toEqual(others(0));
    expect(await slots.take(taker("b"))).toEqual(others(1));
    await setCapacity(2, 2);
    expect(await slots.take(taker("c"))).toBe("full");
  });

  test("an owner keeps its slots when the fleet shrinks, and gets no more", async () => {
    await setCapacity(4);
    const slots = open(8, 1);
    for (const id of ["a", "b", "c"]) expect(await slots.take(taker(id))).toEqual(others(expect.any(Number)));
    await setCapacity(2);
    expect(await slots.take(taker("c"))).toEqual(others(2));
    expect(await slots.take(taker("d"))).toBe("full");
    await setCapacity(5);
    expect(await slots.take(taker("d"))).toEqual(others(3));
  });

  test("a reservation without a job lasts for some seconds, one with a live job until the job ends", async () => {
    const slots = open(4);
    const [seconds = 0] = (await bus.redis.time()).map(Number);
    await Promise.all([reserve("crashed", seconds - 11), reserve("adding", seconds), reserve("added", 1)]);
    await reserve("of the previous version", 0);
    await setJob("added", "live");
    await setJob("of the previous version", "live");
    await slots.freeEnded(ownerId);
    expect(await held()).toEqual(["of the previous version", "added", "adding"]);
  });

  test("a running deployment counts though Redis lost its slot, unless its job has ended since", async () => {
    running = ["a"];
    const slots = open(1);
    expect(await slots.take(taker("b"))).toBe("full");
    await setJob("a", "completed");
    expect(await slots.hasFree(ownerId)).toBe(true);
    expect(await slots.take(taker("b"))).toEqual(others(0));
  });

  test("the slot of an ended build is free for the owner's next build, and its deployment still counts as active", async () => {
    await setCapacity(2);
    const slots = open(3, 1);
    expect(await slots.take(taker("a"))).toEqual(others(0));
    await setJob("a", "live");
    await slots.confirm(taker("a"));
    expect(await slots.take(taker("b"))).toBe("full");
    await slots.buildEnded(taker("a"));
    // The job may be confirmed after its build has ended.
    await slots.confirm(taker("a"));
    expect(await slots.hasFree(ownerId)).toBe(true);
    expect(await slots.take(taker("b"))).toEqual(others(1));
    await setJob("b", "live");
    expect(await slots.buildEnded(taker("b"))).toBeNull();
    expect(await slots.take(taker("c"))).toEqual(others(2));
    await setJob("c", "live");
    await slots.buildEnded(taker("c"));
    expect(await slots.take(taker("d"))).toBe("full");
    await slots.confirm(taker("a"), { again: true });
    expect(await slots.buildEnded(taker("c"))).toBe("app of d");
    await setJob("b", "completed");
    await setJob("c", "gone");
    await slots.freeEnded(ownerId);
    expect(await held()).toEqual(["a"]);
    expect(await slots.take(taker("d"))).toBe("full");
  });

  test("a free slot belongs to the app that has waited longest, not to an app that requests one just then", async () => {
    const slots = open(1);
    await slots.take(taker("a"));
    await setJob("a", "live");
    await slots.confirm(taker("a"));
    for (const id of ["b", "c"]) expect(await slots.take(taker(id))).toBe("full");
    await setJob("a", "completed");
    expect(await slots.take(taker("newcomer"))).toBe("behind");
    expect(await slots.take(taker("c"))).toBe("behind");
    expect(await waiting()).toEqual(["app of b", "app of c", "app of newcomer"]);
    expect(await slots.take(taker("b"))).toEqual(others(0));
  });

  test("a priority depends on the waiting jobs, and on the jobs added since none waited", async () => {
    const slots = open(8);
    expect(await slots.take(taker("a"))).toEqual({ others: 0, waiting: 0, arrivals: 1 });
    await bus.redis.zadd(waitingJobsKey, 1, "a");
    expect(await slots.take(taker("b"))).toEqual({ others: 1, waiting: 1, arrivals: 2 });
    expect(await slots.take(taker("b"))).toEqual({ others: 1, waiting: 1, arrivals: 2 });
    await bus.redis.del(waitingJobsKey);
    expect(await slots.take(taker("c"))).toEqual({ others: 2, waiting: 0, arrivals: 1 });
  });

  test("freeing a slot keeps one whose job another process has confirmed", async () => {
    const slots = open(2);
    await slots.take(taker("a"));
    await slots.take(taker("b"));
    await slots.confirm(taker("b"));
    await slots.free(taker("a"));
    await slots.free(taker("b"));
    expect(await held()).toEqual(["b"]);
  });

  test("the end of a job frees its slot, and names the app that has waited longest", async () => {
    const slots = open(1);
    await slots.take(taker("a"));
    await setJob("a", "live");
    await slots.confirm(taker("a"));
    expect(await slots.freeEnded(ownerId)).toBeNull();
    for (const id of ["b", "c"]) expect(await slots.take(taker(id))).toBe("full");
    await setJob("a", "failed");
    expect(await slots.freeEnded(ownerId)).toBe("app of b");
    expect(await held()).toEqual([]);
  });

  test("a deployment that has its job keeps its slot, confirmed, and no app is claimed", async () => {
    const slots = open(1);
    await slots.take(taker("a"));
    await setJob("a", "live");
    expect(await slots.take(taker("a"))).toBe("added");
    expect(await isConfirmed("a")).toBe(true);
    expect(await claimOf("a")).toBe("a");
    await slots.confirm(taker("a"));
    expect(await slots.take(taker("a"))).toBe("added");
    expect(await claimOf("a")).toBeNull();
  });

  test.for([
    ["in its own queue", 0],
    ["in the other queue", 1],
  ] as const)("an app with another job %s gets no slot, and does not wait", async ([, at]) => {
    const slots = open(1);
    const queue = queueKeys(bus.keys)[at];
    await setJob("other", "live", [queue, ""]);
    await bus.redis.set(`${queue}de:app of a`, "other");
    expect(await slots.take(taker("a"))).toBe("busy");
    expect([await held(), await waiting(), await claimOf("a")]).toEqual([[], [], null]);
    await setJob("other", "gone", [queue, ""]);
    expect(await slots.take(taker("a"))).toEqual(others(0));
  });

  test("an app that is claimed for another job gets no slot until the claim is released", async () => {
    const slots = open(1);
    await bus.redis.set(bus.keys.laneClaim("app of a"), "operation");
    expect(await slots.take(taker("a"))).toBe("busy");
    expect(await held()).toEqual([]);
    await bus.redis.del(bus.keys.laneClaim("app of a"));
    expect(await slots.take(taker("a"))).toEqual(others(0));
    await bus.redis.set(bus.keys.laneClaim("app of a"), "operation");
    await slots.free(taker("a"));
    expect([await held(), await claimOf("a")]).toEqual([[], "operation"]);
  });

  test("the app is claimed from taking the slot until it is confirmed or freed", async () => {
    const slots = open(2);
    await slots.take(taker("a"));
    await slots.take(taker("b"));
    expect([await claimOf("a"), await claimOf("b")]).toEqual(["a", "b"]);
    await slots.confirm(taker("a"));
    await slots.free(taker("b"));
    expect([await claimOf("a"), await claimOf("b")]).toEqual([null, null]);
  });
});
