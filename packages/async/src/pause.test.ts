import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { elapsed, pause } from "./pause.ts";

const longMs = 3_600_000;

test("a pause ends by itself and leaves no listener", async () => {
  const { signal } = new AbortController();
  await pause(1, signal);
  expect(await elapsed(1, signal)).toBe(true);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("an abort ends a pause, with the signal's reason", async () => {
  const abort = new AbortController();
  const pausing = pause(longMs, abort.signal);
  const going = elapsed(longMs, abort.signal);
  abort.abort("asked to stop");
  await expect(pausing).rejects.toBe("asked to stop");
  expect(await going).toBe(false);
  await expect(pause(longMs, abort.signal)).rejects.toBe("asked to stop");
  expect(await elapsed(longMs, abort.signal)).toBe(false);
  expect(getEventListeners(abort.signal, "abort")).toEqual([]);
});
