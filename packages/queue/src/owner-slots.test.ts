import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Bus } from "@slipway/bus";
import { redisKeys } from "@slipway/protocol";
import { lacksRedis, startRedis } from "@slipway/testkit";
import type { LaneJobState } from "./lane-queues.ts";
import { openOwnerSlots } from "./owner-slots.ts";

const ownerId = "owner";

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
    expect(taken.filter((others) => others !== null)).toHaveLength(2);
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
      expect(await slots.take(taker(id))).toBe(0);
      await slots.confirm(taker(id));
      expect(await slots.take(taker("next"))).toBeNull();
      jobs.set(id, end);
    }
    expect(await slots.take(taker("next"))).toBe(0);
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
    expect(taken.filter((others) => others !== null)).toHaveLength(expected);
    expect(await slots.hasFree(ownerId)).toBe(false);
    expect(await waiting()).toHaveLength(12 - expected);
  });

  test("a single user holds reserved slots too", async () => {
    await setCapacity(2, 1);
    const slots = open(8, jobState, 1);
    expect(await slots.take(taker("a"))).not.toBeNull();
    expect(await slots.take(taker("b"))).not.toBeNull();
    await setCapacity(2, 2);
    expect(await slots.take(taker("c"))).toBeNull();
  });

  test("an owner keeps its slots when the fleet shrinks, and gets no more", async () => {
    await setCapacity(4);
    const slots = open(8, async () => "live", 1);
    for (const id of ["a", "b", "c"]) expect(await slots.take(taker(id))).not.toBeNull();
    await setCapacity(2);
    expect(await slots.take(taker("c"))).toBe(2);
    expect(await slots.take(taker("d"))).toBeNull();
    await setCapacity(5);
    expect(await slots.take(taker("d"))).toBe(3);
  });

  test("a slot that is confirmed for a new job while the former job's end is read stays", async () => {
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
    expect(await slots.take(taker("b"))).toBeNull();
    jobs.set("a", "completed");
    expect(await slots.hasFree(ownerId)).toBe(true);
    expect(await slots.take(taker("b"))).toBe(0);
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
