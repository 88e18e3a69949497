import { expect, test } from "vitest";
import { KeyedQueue } from "./keyed-queue.ts";

const never = new AbortController().signal;

test("work for one key runs one after the other, in the order of the calls, also after a failure", async () => {
  const queue = new KeyedQueue();
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    events.push(`${name} ends`);
    if (name === "b") throw new Error("b failed");
    return name;
  };
  const outcomes = await Promise.allSettled(
    ["a", "b", "c"].map((name) => queue.run("key", work(name), never)),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(events).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("work for other keys does not wait", async () => {
  const queue = new KeyedQueue();
  const blocked = Promise.withResolvers<void>();
  const first = queue.run("a", () => blocked.promise, never);
  expect(await queue.run("b", async () => "done", never)).toBe("done");
  blocked.resolve();
  await first;
});

test("work that never settles gives up its turn when it is aborted", async () => {
  const queue = new KeyedQueue();
  const controller = new AbortController();
  const stuck = queue.run("key", () => new Promise<never>(() => undefined), controller.signal);
  const next = queue.run("key", async () => "next", never);
  controller.abort(new Error("too late"));
  await expect(stuck).rejects.toThrow("too late");
  expect(await next).toBe("next");
});

test("work that is aborted while it waits does not start, and the work behind it keeps its order", async () => {
  const queue = new KeyedQueue();
  const controller = new AbortController();
  const first = Promise.withResolvers<void>();
  const started: string[] = [];
  const one = queue.run("key", () => first.promise, never);
  const two = queue.run("key", async () => started.push("two"), controller.signal);
  const three = queue.run("key", async () => started.push("three"), never);
  controller.abort(new Error("given up"));
  await expect(two).rejects.toThrow("given up");
  expect(started).toEqual([]);
  first.resolve();
  await Promise.all([one, three]);
  expect(started).toEqual(["three"]);
});

test("work of a signal that is aborted already does not start", async () => {
  const started: string[] = [];
  const work = async () => started.push("work");
  const taken = new KeyedQueue().run("key", work, AbortSignal.abort(new Error("given up")));
  await expect(taken).rejects.toThrow("given up");
  expect(started).toEqual([]);
});
