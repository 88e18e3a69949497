import { expect, test } from "vitest";
import { queuedDeployment, unknownOrigin } from "@slipway/core";
import type { AttemptRecord, PhaseRecord } from "@slipway/core";
import { aNewDeployment } from "@slipway/testkit";
import { runningPhases } from "./running-phases.ts";

const now = new Date("2026-11-29T12:00:00Z");
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1e3);

test("each phase has the time since the earliest of its kind began; phases that ended have none", () => {
  const running = [
    building([phase("fetch", 500, 400), phase("build", 300)]),
    building([phase("build", 900)]),
    building([phase("push", 20), phase("cache", 30)]),
  ];
  expect(runningPhases(running, now)).toEqual(
    new Map([
      ["build", 900],
      ["push", 20],
      ["cache", 30],
    ]),
  );
});

test("a deployment between two phases counts from the end of the last one, or from the start of its attempt", () => {
  expect(runningPhases([building([phase("fetch", 500, 400)])], now)).toEqual(new Map([["none", 400]]));
  expect(runningPhases([building([])], now)).toEqual(new Map([["none", 1_000]]));
});

test("only the last attempt counts, and a clock that is ahead gives no negative time", () => {
  const lost = { ...attempt([phase("build", 5_000)]), finishedAt: ago(100) };
  const running = { ...building([]), timeline: [lost, attempt([phase("build", -5)])] };
  expect(runningPhases([running], now)).toEqual(new Map([["build", 0]]));
});

function building(phases: readonly PhaseRecord[]) {
  return {
    ...queuedDeployment(aNewDeployment(), 1),
    status: "building",
    timeline: [attempt(phases)],
  } as const;
}

function attempt(phases: readonly PhaseRecord[]): AttemptRecord {
  return { number: 1, ...unknownOrigin, startedAt: ago(1_000), finishedAt: null, outcome: null, phases };
}

function phase(name: string, startedAgo: number, finishedAgo?: number): PhaseRecord {
  const finishedAt = finishedAgo === undefined ? null : ago(finishedAgo);
  return { name, startedAt: ago(startedAgo), finishedAt, bytes: null, reused: [], outcome: null };
}
