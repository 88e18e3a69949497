import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { untilAborted } from "./abort.ts";
import { unhandledRejections } from "../test-support/rejections.ts";

const never = new Promise<never>(() => undefined);

test("untilAborted settles as the promise does and leaves no listener", async () => {
  const { signal } = new AbortController();
  await expect(untilAborted(Promise.resolve(1), signal)).resolves.toBe(1);
  await expect(untilAborted(Promise.reject(new Error("failed")), signal)).rejects.toThrow("failed");
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test.each([new Error("asked to stop"), "a reason that is no error", null])(
  "untilAborted rejects with the signal's reason and leaves no listener: %s",
  async (reason) => {
    const abort = new AbortController();
    const waiting = untilAborted(never, abort.signal);
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(1);
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  },
);

test("a signal that is aborted already wins over a promise that has settled", async () => {
  const signal = AbortSignal.abort("over");
  await expect(untilAborted(Promise.resolve(1), signal)).rejects.toBe("over");
  await expect(untilAborted(Promise.reject(new Error("failed")), signal)).rejects.toBe("over");
});

test("the reason wins over the error of work that listens to the same signal", async () => {
  const abort = new AbortController();
  const work = new Promise<never>((_, reject) => {
    abort.signal.addEventListener("abort", () => reject(new Error("the work's own error")));
  });
  const waiting = untilAborted(work, abort.signal);
  abort.abort("asked to stop");
  await expect(waiting).rejects.toBe("asked to stop");
});

test("a rejection after the abort is not unhandled", async () => {
  const work = Promise.withResolvers<never>();
  await expect(untilAborted(work.promise, AbortSignal.abort("over"))).rejects.toBe("over");
  expect(await unhandledRejections(() => work.reject(new Error("too late")))).toEqual([]);
});
