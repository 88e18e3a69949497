import { beforeEach, describe, expect, test } from "vitest";
import { BuildSlots } from "./build-slots.ts";

describe("build slots", () => {
  let changes: number[];
  let slots: BuildSlots;
  let ended: string[];
  const never = new AbortController().signal;
  const open = (name = "") => slots.open(() => ended.push(name));
  const unexpected = () => {
    throw new Error("unexpected wait");
  };

  beforeEach(() => {
    changes = [];
    ended = [];
    slots = new BuildSlots({ count: 2, beside: 3, onChange: () => changes.push(slots.capacity) });
  });

  test("a worker takes as many deployments as it has slots, and one more for each build that ends", () => {
    expect(slots.capacity).toBe(2);
    const [first, second] = [open("first"), open("second")];
    expect(slots.capacity).toBe(2);
    first.end();
    first.end();
    expect(ended).toEqual(["first"]);
    expect(changes).toEqual([3]);
    const third = open();
    expect(third.isHeld).toBe(true);
    expect(slots.capacity).toBe(3);
    second[Symbol.dispose]();
    expect(slots.capacity).toBe(3);
    third[Symbol.dispose]();
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(slots.capacity).toBe(2);
  });

  test("no more deployments run beside the builds than allowed", () => {
    for (let count = 0; count < 3; count += 1) open().end();
    expect(slots.capacity).toBe(5);
    open().end();
    expect(slots.capacity).toBe(5);
    open();
    expect(slots.capacity).toBe(5);
  });

  test("a worker that allows no deployments beside its builds takes the next one when one has ended", () => {
    slots = new BuildSlots({ count: 1, beside: 0, onChange: () => changes.push(slots.capacity) });
    const only = open();
    only.end();
    expect(slots.capacity).toBe(1);
    only[Symbol.dispose]();
    expect([slots.capacity, changes]).toEqual([1, [1, 1]]);
  });

  test("a deployment takes its reserved slot at once; after releasing it, it waits for a free one in order", async () => {
    const [slow, slower, building] = [open(), open(), open()];
    expect(building.isHeld).toBe(false);
    await slow.take(never, unexpected);
    slow.release();
    slower.release();
    const [next, other] = [open(), open()];
    expect([next.isHeld, other.isHeld]).toEqual([true, true]);
    const order: string[] = [];
    const waits = [
      slow.take(never, () => order.push("slow waits")).then(() => order.push("slow")),
      slower.take(never, () => order.push("slower waits")).then(() => order.push("slower")),
    ];
    other.end();
    next.end();
    await Promise.all(waits);
    expect(order).toEqual(["slow waits", "slower waits", "slow", "slower"]);
    expect(slots.capacity).toBe(5);
    slow[Symbol.dispose]();
    expect(slots.capacity).toBe(5);
  });

  test("a deployment that is aborted while it waits for a slot leaves the line and holds no slot", async () => {
    const [first, second] = [open(), open()];
    const third = open();
    const abort = new AbortController();
    const waiting = third.take(abort.signal, () => {});
    abort.abort(new Error("aborted"));
    await expect(waiting).rejects.toThrow("aborted");
    third[Symbol.dispose]();
    for (const slot of [first, second]) slot[Symbol.dispose]();
    expect(slots.capacity).toBe(2);
    expect([open().isHeld, open().isHeld, open().isHeld]).toEqual([true, true, false]);
  });
});
