import { label } from "@slipway/core";
import type { Labels } from "@slipway/core";
import { testTime } from "@slipway/testkit";
import { expect, test } from "vitest";
import { sweepSandboxes } from "./sweep.ts";

test("a sweep keeps a container of no deployment until it expires, and removes that of a missing deployment", async () => {
  const expiring = { [label.expiresAt]: String(testTime.getTime() + 1000) };
  const missing = { [label.deployment]: "none", [label.attempt]: "1" };
  const sweptAfter = async (ms: number) => {
    const removed: Labels[] = [];
    await sweepSandboxes({
      engine: {
        listSandboxes: async () => [expiring, missing],
        removeSandboxes: async (labels) => removed.push(labels),
      },
      store: { deployments: { get: async () => null } },
      now: () => new Date(testTime.getTime() + ms),
    });
    return removed;
  };
  expect(await sweptAfter(0)).toEqual([missing]);
  expect(await sweptAfter(2000)).toEqual([expiring, missing]);
});
