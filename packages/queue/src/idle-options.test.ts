import { expect, test } from "vitest";
import { idleOptions } from "./idle-options.ts";

test.each([
  [30_000, 30],
  [20_000, 20],
  [600_000, 30],
  [1_000, 10],
])("a lost signal is found within the lease, at least every 30 s: %i ms", (leaseMs, drainDelay) => {
  expect(idleOptions("redis://localhost", leaseMs)).toEqual({ drainDelay });
});

test("with Sentinels or a cluster, a blocking call does not wait long on a primary that was replaced", () => {
  expect(idleOptions("redis+sentinel://one/main", 30_000)).toEqual({ drainDelay: 10 });
  expect(idleOptions("redis+cluster://one,two", 30_000)).toEqual({ drainDelay: 10 });
});
