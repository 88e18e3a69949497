import { expect, test } from "vitest";
import { aNewDeployment, stepsTo } from "@slipway/testkit";
import { queuedDeployment } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { estimatedSeconds, meanSecondsOf } from "./wait-estimate.ts";
import type { WaitFacts } from "./wait-estimate.ts";

const now = new Date("2026-01-02T03:04:05Z");
const facts: WaitFacts = {
  reason: "build-slots",
  position: 1,
  running: null,
  before: 5,
  slots: 2,
  meanSeconds: 30,
  now,
};

test("a deployment that waits for a slot starts when those before it have run", () => {
  expect(estimatedSeconds(facts)).toBe(90);
  expect(estimatedSeconds({ ...facts, before: 0 })).toBe(15);
  expect(estimatedSeconds({ ...facts, slots: 0 })).toBe(180);
});

test("a deployment of a busy app starts when the running one has ended, and those before it have run", () => {
  const running = { startedAt: new Date(now.getTime() - 20_000) };
  const busy: WaitFacts = { ...facts, reason: "app-busy", position: 3, running };
  expect(estimatedSeconds(busy)).toBe(70);
  expect(estimatedSeconds({ ...busy, running: { startedAt: new Date(now.getTime() - 90_000) } })).toBe(60);
  expect(estimatedSeconds({ ...busy, position: 2, running: null })).toBe(30);
});

test("a wait that only an operator can end has no estimate, nor has one without earlier builds", () => {
  for (const reason of ["no-worker", "queue-paused", null] as const)
    expect(estimatedSeconds({ ...facts, reason })).toBeNull();
  expect(estimatedSeconds({ ...facts, meanSeconds: null })).toBeNull();
});

test("the mean is read again after half a minute, after a failure, and until there is one", async () => {
  let clock = now.getTime();
  let reads = 0;
  let deployments: Deployment[] | null = [];
  const search = async () => {
    reads += 1;
    if (deployments === null) throw new Error("the store is unavailable");
    return { deployments, totalCount: deployments.length };
  };
  const mean = meanSecondsOf({ store: { deployments: { search } }, now: () => new Date(clock) });
  expect([await mean(), await mean(), reads]).toEqual([null, null, 2]);
  deployments = null;
  await expect(mean()).rejects.toThrow("unavailable");
  const ended = stepsTo(queuedDeployment(aNewDeployment(), 1), "build-error", now).at(-1);
  if (ended === undefined) throw new Error("no step");
  deployments = [{ ...ended, startedAt: new Date(clock - 12_000), finishedAt: now }];
  expect([await mean(), await mean(), reads]).toEqual([12, 12, 4]);
  clock += 30_001;
  expect([await mean(), reads]).toEqual([12, 5]);
});
