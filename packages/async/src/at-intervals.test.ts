import { expect, test } from "vitest";
import { atIntervals } from "./at-intervals.ts";

test("work is repeated after a failure, which is reported", async () => {
  const repeated = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  let calls = 0;
  const work = async () => {
    calls += 1;
    if (calls === 1) throw new Error("once");
    repeated.resolve();
  };
  await using _working = atIntervals(work, { everyMs: 1, onError: (error) => errors.push(error) });
  await repeated.promise;
  expect(errors).toEqual([new Error("once")]);
});

test("disposing ends the work and waits for its end, and reports no failure of that", async () => {
  const started = Promise.withResolvers<void>();
  let ended = false;
  const work = async (signal: AbortSignal) => {
    started.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    ended = true;
    signal.throwIfAborted();
  };
  const errors: unknown[] = [];
  const working = atIntervals(work, { everyMs: 1, onError: (error) => errors.push(error) });
  await started.promise;
  await working[Symbol.asyncDispose]();
  expect([ended, errors]).toEqual([true, []]);
});
