import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { poll } from "./poll.ts";

const longMs = 3_600_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

test("poll calls the probe until it returns a value; null and 0 are values", async () => {
  const answers = [undefined, false, 0] as const;
  let asked = 0;
  expect(await poll(async () => answers[asked++], { everyMs: 1 })).toBe(0);
  expect(asked).toBe(3);
  expect(await poll(async () => null, { everyMs: 1 })).toBeNull();
});

test("poll calls the probe at least once, and gives up after the time limit", async () => {
  let asked = 0;
  const probe = async () => {
    asked += 1;
    vi.advanceTimersByTime(10);
    return undefined;
  };
  expect(await poll(probe, { everyMs: 1, limitMs: 0 })).toBeUndefined();
  expect(asked).toBe(1);
  expect(await poll(probe, { everyMs: 1, limitMs: 25 })).toBeUndefined();
  expect(asked).toBe(1 + 3);
});

test("an abort ends the pause, with the signal's reason; a failure of the probe ends the polling", async () => {
  const abort = new AbortController();
  const probe = async () => {
    abort.abort("asked to stop");
    return undefined;
  };
  await expect(poll(probe, { everyMs: longMs, signal: abort.signal })).rejects.toBe("asked to stop");
  await expect(poll(() => Promise.reject(new Error("failed")), { everyMs: 1 })).rejects.toThrow("failed");
});
