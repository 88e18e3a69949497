import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DeadlineError, endsWithin, rejectionOf, withDeadline } from "./deadline.ts";
import { unhandledRejections } from "../test-support/rejections.ts";

const never = new Promise<never>(() => undefined);
const longMs = 3_600_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** Lets time pass and expects the promise to reject. */
async function rejectsAfter(promise: Promise<unknown>, passedMs: number): Promise<unknown> {
  const outcome = promise.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
  await vi.advanceTimersByTimeAsync(passedMs);
  return await outcome;
}

describe("withDeadline", () => {
  test("withDeadline settles as the work does and leaves neither timer nor listener", async () => {
    const { signal } = new AbortController();
    await expect(withDeadline(Promise.resolve(1), { limitMs: longMs, signal })).resolves.toBe(1);
    await expect(withDeadline(async () => 2, { limitMs: longMs, signal })).resolves.toBe(2);
    const failure = () => Promise.reject(new Error("failed"));
    await expect(withDeadline(failure, { limitMs: longMs, signal })).rejects.toThrow("failed");
    const broken = () => {
      throw new Error("before it began");
    };
    await expect(withDeadline(broken, { limitMs: longMs, signal })).rejects.toThrow("before it began");
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a passed deadline is an error that names the time", async () => {
    const error = await rejectsAfter(withDeadline(never, { limitMs: 50 }), 50);
    expect(error).toBeInstanceOf(DeadlineError);
    expect(error).toMatchObject({ message: "no answer within 50 ms" });
    expect(new DeadlineError(60_000).message).toBe("no answer within 60 s");
  });

  test("the work's signal is aborted at the deadline, with the caller's error", async () => {
    const error = new Error("the caller's");
    let given: AbortSignal | undefined;
    const work = (signal: AbortSignal) => {
      given = signal;
      return never;
    };
    expect(await rejectsAfter(withDeadline(work, { limitMs: 50, error: () => error }), 50)).toBe(error);
    expect(given?.reason).toBe(error);
  });

  test("an abort passes its reason on, to the work too, and leaves neither timer nor listener", async () => {
    const abort = new AbortController();
    let given: AbortSignal | undefined;
    const work = (signal: AbortSignal) => {
      given = signal;
      return never;
    };
    const waiting = withDeadline(work, { limitMs: longMs, signal: abort.signal });
    abort.abort("asked to stop");
    await expect(waiting).rejects.toBe("asked to stop");
    expect(given?.reason).toBe("asked to stop");
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("under an aborted signal no work begins, and a promise is not waited for", async () => {
    const options = { limitMs: longMs, signal: AbortSignal.abort("over") };
    const begun: string[] = [];
    const work = async () => void begun.push("begun");
    await expect(withDeadline(work, options)).rejects.toBe("over");
    await expect(withDeadline(never, options)).rejects.toBe("over");
    expect(begun).toEqual([]);
  });

  test("without a limit the signal is the only bound", async () => {
    const abort = new AbortController();
    const waiting = withDeadline(never, { limitMs: Infinity, signal: abort.signal });
    await vi.advanceTimersByTimeAsync(longMs);
    abort.abort("asked to stop");
    await expect(waiting).rejects.toBe("asked to stop");
  });

  test("a rejection after the deadline is not unhandled", async () => {
    const work = Promise.withResolvers<never>();
    await rejectsAfter(
      withDeadline(() => work.promise, { limitMs: 50 }),
      50,
    );
    expect(await unhandledRejections(() => work.reject(new Error("too late")))).toEqual([]);
  });
});

describe("endsWithin", () => {
  test("endsWithin says whether the promise resolves in time, and leaves no timer", async () => {
    expect(await endsWithin(Promise.resolve(0), longMs)).toBe(true);
    await expect(endsWithin(Promise.reject(new Error("failed")), longMs)).rejects.toThrow("failed");
    expect(await lateAfter(never, 50)).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a rejection that comes too late is not unhandled", async () => {
    const work = Promise.withResolvers<never>();
    expect(await lateAfter(work.promise, 50)).toBe(false);
    expect(await unhandledRejections(() => work.reject(new Error("too late")))).toEqual([]);
  });
});

test("rejectionOf rejects with the failure and ignores the success", async () => {
  await expect(rejectionOf(Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  expect(await lateAfter(rejectionOf(Promise.resolve(1)), 50)).toBe(false);
});

/** The result of `endsWithin` when the time limit has passed. */
async function lateAfter(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const ends = endsWithin(promise, limitMs);
  await vi.advanceTimersByTimeAsync(limitMs);
  return await ends;
}
