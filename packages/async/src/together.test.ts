import { expect, test } from "vitest";
import { pause } from "./pause.ts";
import { together } from "./together.ts";

const never = new AbortController().signal;

test("the results are in the order of the calls", async () => {
  const first = Promise.withResolvers<string>();
  const results = together(never, () => [first.promise, Promise.resolve(2)]);
  first.resolve("one");
  expect(await results).toEqual(["one", 2]);
});

test("the first failure aborts the other calls, and is thrown when they have ended", async () => {
  const ended: unknown[] = [];
  const slow = async (signal: AbortSignal) => {
    try {
      await pause(60_000, signal);
    } catch (error) {
      ended.push(error);
      throw new Error("a consequence", { cause: error });
    }
  };
  const failure = new Error("the first");
  const results = together(never, (signal) => [slow(signal), Promise.reject(failure), slow(signal)]);
  await expect(results).rejects.toBe(failure);
  expect(ended).toEqual([failure, failure]);
});

test("an abort ends the calls with its reason", async () => {
  const abort = new AbortController();
  const results = together(abort.signal, (signal) => [pause(60_000, signal)]);
  abort.abort(new Error("stopped"));
  await expect(results).rejects.toThrow("stopped");
});
