import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Bus } from "@slipway/bus";
import { redisKeys } from "@slipway/protocol";
import { lacksRedis, startRedis } from "@slipway/testkit";
import type { LaneJobState } from "./lane-queues.ts";
import { openOwnerSlots } from "./owner-slots.ts";

const ownerId = "owner";
const waitingJobsKey = "{slots-test}:prioritized";
const others = (count: number) => expect.objectContaining({ others: count });

describe.skipIf(await lacksRedis())("the slots of an owner", () => {
  let opened: AsyncDisposableStack;
  let bus: Bus;
  let jobs: Map<string, LaneJobState>;
  let running: string[];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const { url } = opened.use(await startRedis());
    const redis = opened.adopt(new Redis(url), (client) => client.disconnect());
    bus = { redis, keys: redisKeys("slots-test") };
    jobs = new Map();
    running = [];
  });
  afterEach(() => opened.disposeAsync());

  const jobState = async (id: string) => jobs.get(id) ?? "gone";
  const open = (limit: number, ofJob = jobState, reserved = 0) => {
    const deployments = { runningOfOwner: async () => running };
    return openOwnerSlots({
      bus,
      jobStates: (ids) => Promise.all(ids.map(ofJob)),
      deployments,
      limit,
      reserved,
      waitingJobsKey,
    });
  };
  const setCapacity = (slots: number, users = 2) => bus.redis.hset(bus.keys.fleetCapacity, { slots, users });
  const taker = (id: string) => ({ id, appId: `app of ${id}`, ownerId });
  const waiting = () => bus.redis.zrange(bus.keys.ownerWaiting(ownerId), "0", "-1");
  const held = () => bus.redis.zrange(bus.keys.ownerSlots(ownerId), "0", "-1");
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
      jobs.set(id, "live");
      expect(await slots.take(taker(id))).toEqual(others(0));
      await slots.confirm(taker(id));
      expect(await slots.take(taker("next"))).toBe("full");
      jobs.set(id, end);
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
    const slots = open(8, jobState, reserved);
    const ids = Array.from({ length: 12 }, (_, at) => `d${at}`);
    const taken = await Promise.all(ids.map((id) => slots.take(taker(id))));
    expect(taken.filter((one) => typeof one !== "string")).toHaveLength(expected);
    expect(await slots.hasFree(ownerId)).toBe(false);
    expect(await waiting()).toHaveLength(12 - expected);
  });

  test("a single user holds reserved slots too", async () => {
    await setCapacity(2, 1);
    const slots = open(8, jobState, 1);
    expect(await slots.take(taker("a"))).toEqual(others(0));
    expect(await slots.take(taker("b"))).toEqual(others(1));
    await setCapacity(2, 2);
    expect(await slots.take(taker("c"))).toBe("full");
  });

  test("an owner keeps its slots when the fleet shrinks, and gets no more", async () => {
    await setCapacity(4);
    const slots = open(8, async () => "live", 1);
    for (const id of ["a", "b", "c"]) expect(await slots.take(taker(id))).toEqual(others(expect.any(Number)));
    await setCapacity(2);
    expect(await slots.take(taker("c"))).toEqual(others(2));
    expect(await slots.take(taker("d"))).toBe("full");
    await setCapacity(5);
    expect(await slots.take(taker("d"))).toEqual(others(3));
  });

  test("a slot that is confirmed for a new job while the end of the former job is read is kept", async () => {
    const slots = open(1, async () => {
      await slots.confirm(taker("a"));
      return "completed";
    });
    await reserve("a", 0);
    await slots.freeEnded(ownerId);
    expect(await held()).toEqual(["a"]);
  });

  test("a reservation without a job lasts for some seconds, one with a live job until the job ends", async () => {
    const slots = open(4);
    const [seconds = 0] = (await bus.redis.time()).map(Number);
    await Promise.all([reserve("crashed", seconds - 11), reserve("adding", seconds), reserve("added", 1)]);
    await reserve("of the previous version", 0);
    jobs.set("added", "live").set("of the previous version", "live");
    await slots.freeEnded(ownerId);
    expect(await held()).toEqual(["of the previous version", "added", "adding"]);
  });

  test("a running deployment counts though Redis lost its slot, unless its job has ended since", async () => {
    running = ["a"];
    const slots = open(1);
    expect(await slots.take(taker("b"))).toBe("full");
    jobs.set("a", "completed");
    expect(await slots.hasFree(ownerId)).toBe(true);
    expect(await slots.take(taker("b"))).toEqual(others(0));
  });

  test("the slot of an ended build is free for the owner's next build, and its deployment still counts as active", async () => {
    await setCapacity(2);
    const slots = open(3, jobState, 1);
    for (const id of ["a", "b", "c", "d"]) jobs.set(id, "live");
    expect(await slots.take(taker("a"))).toEqual(others(0));
    await slots.confirm(taker("a"));
    expect(await slots.take(taker("b"))).toBe("full");
    await slots.buildEnded(taker("a"));
    // The job may be confirmed after its build has ended.
    await slots.confirm(taker("a"));
    expect(await slots.hasFree(ownerId)).toBe(true);
    expect(await slots.take(taker("b"))).toEqual(others(1));
    await slots.buildEnded(taker("b"));
    expect(await slots.take(taker("c"))).toEqual(others(2));
    await slots.buildEnded(taker("c"));
    expect(await slots.take(taker("d"))).toBe("full");
    await slots.confirm(taker("a"), { again: true });
    jobs.set("b", "completed").set("c", "gone");
    await slots.freeEnded(ownerId);
    expect(await held()).toEqual(["a"]);
    expect(await slots.take(taker("d"))).toBe("full");
  });

  test("a free slot belongs to the app that has waited longest, not to an app that requests one just then", async () => {
    const slots = open(1);
    jobs.set("a", "live");
    await slots.take(taker("a"));
    await slots.confirm(taker("a"));
    for (const id of ["b", "c"]) expect(await slots.take(taker(id))).toBe("full");
    jobs.set("a", "completed");
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
});
