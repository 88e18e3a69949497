import { expect, test } from "vitest";
import { coalesced } from "./coalesced.ts";

test("calls during a run share one further run", async () => {
  const { runs, call } = recorded();
  const calls = [call("a"), call("a"), call("a")];
  expect(runs).toHaveLength(1);
  runs[0]?.resolve();
  await calls[0];
  expect(runs).toHaveLength(2);
  runs[1]?.resolve();
  await Promise.all(calls);
  expect(runs).toHaveLength(2);
});

test("a call after the last run begins a new one", async () => {
  const { runs, call } = recorded();
  for (const index of [0, 1]) {
    const done = call("a");
    runs[index]?.resolve();
    await done;
  }
  expect(runs).toHaveLength(2);
});

test("runs of different keys do not wait for each other", () => {
  const { runs, call } = recorded();
  const calls = [call("a"), call("b")];
  expect(runs).toHaveLength(2);
  for (const { resolve } of runs) resolve();
  return Promise.all(calls);
});

test("a failed run rejects its own calls, not those of the next run", async () => {
  const { runs, call } = recorded();
  const [first, second] = [call("a"), call("a")];
  runs[0]?.reject(new Error("lost"));
  await expect(first).rejects.toThrow("lost");
  runs[1]?.resolve();
  await second;
});

function recorded() {
  const runs: PromiseWithResolvers<void>[] = [];
  const call = coalesced(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  return { runs, call };
}
