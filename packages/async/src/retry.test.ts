import { SlipwayError } from "@slipway/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { backoffMs, retry } from "./retry.ts";

const longMs = 3_600_000;
const away = new SlipwayError("store-unavailable", "the database is away");

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** A call that takes 10 ms of the fake clock, fails this many times, and then returns how often it was called. */
function failing(failures: number, failure: unknown = away) {
  const counter = { calls: 0 };
  const call = async () => {
    counter.calls += 1;
    vi.advanceTimersByTime(10);
    if (counter.calls <= failures) throw failure;
    return counter.calls;
  };
  return { call, counter };
}

test("retry calls until it succeeds, with a pause after each failure", async () => {
  const pauses: number[] = [];
  const pauseMs = (failures: number) => {
    pauses.push(failures);
    return 0;
  };
  expect(await retry(failing(3).call, { pauseMs })).toBe(4);
  expect(pauses).toEqual([1, 2, 3]);
});

test("pauses double up to a longest one", () => {
  expect([1, 2, 3, 7, 5_000].map((failures) => backoffMs(failures))).toEqual([50, 100, 200, 2_000, 2_000]);
  expect([1, 2, 9].map((failures) => backoffMs(failures, { firstMs: 10, longestMs: 500 }))).toEqual([
    10, 20, 500,
  ]);
});

test("a failure that is not retryable is thrown at once", async () => {
  const user = failing(1, new SlipwayError("invalid", "no"));
  await expect(retry(user.call)).rejects.toThrow("no");
  const unknown = failing(1, new Error("unknown"));
  await expect(retry(unknown.call)).rejects.toThrow("unknown");
  expect([user.counter.calls, unknown.counter.calls]).toEqual([1, 1]);
  const chosen = failing(1, "no error at all");
  const isRetryable = (error: unknown) => error === "no error at all";
  expect(await retry(chosen.call, { isRetryable, pauseMs: () => 0 })).toBe(2);
});

test("the last failure is thrown when the calls or the time are used up", async () => {
  const counted = failing(10);
  await expect(retry(counted.call, { attempts: 3, pauseMs: () => 0 })).rejects.toBe(away);
  expect(counted.counter.calls).toBe(3);
  const once = failing(10);
  await expect(retry(once.call, { limitMs: 0 })).rejects.toBe(away);
  expect(once.counter.calls).toBe(1);
  const timed = failing(Infinity);
  await expect(retry(timed.call, { limitMs: 25, pauseMs: () => 0 })).rejects.toBe(away);
  expect(timed.counter.calls).toBe(3);
});

test("an abort ends the pause with the signal's reason, and no call follows", async () => {
  const abort = new AbortController();
  const { call, counter } = failing(10);
  const pauseMs = () => {
    queueMicrotask(() => abort.abort("asked to stop"));
    return longMs;
  };
  await expect(retry(call, { pauseMs, signal: abort.signal })).rejects.toBe("asked to stop");
  expect(counter.calls).toBe(1);
});

test("under an aborted signal the first call is made, and its result counts", async () => {
  const signal = AbortSignal.abort("over");
  expect(await retry(failing(0).call, { signal })).toBe(1);
  await expect(retry(failing(1).call, { signal })).rejects.toBe("over");
});
