import { expect, test } from "vitest";
import { changeStatus, claim, goLive, queuedDeployment, takeOver } from "./deployment.ts";
import { withPhases } from "./timeline.ts";
import type { PhaseRecord } from "./timeline.ts";

const at = (second: number) => new Date(Date.UTC(2026, 2, 4, 5, 6, second));
const origin = { worker: "worker-1", engine: "engine", jobAddedAt: at(1) };
const options = (second: number) => ({ at: at(second), lineCount: 0 });

const queued = queuedDeployment(
  {
    id: "d",
    appId: "a",
    ownerId: "o",
    source: { kind: "url", url: "https://example.com/a.tar.gz" },
    gitRef: null,
    previousGitRef: null,
    postdeployHook: null,
    pusher: { id: "u", username: "ada", email: "ada@example.com" },
    createdAt: at(0),
  },
  1,
);
const running: PhaseRecord = {
  name: "build",
  startedAt: at(3),
  finishedAt: null,
  bytes: null,
  reused: [],
  outcome: null,
};
const claimed = claim(queued, 1, { ...options(2), origin });
const building = { ...claimed, timeline: withPhases(claimed.timeline, [running]) };
const outcomes = ({ timeline }: typeof queued) =>
  timeline.map(({ number, outcome, finishedAt, phases }) => [
    number,
    outcome,
    finishedAt,
    phases.map((phase) => [phase.outcome, phase.finishedAt]),
  ]);

test("a claim begins an attempt with its worker, engine and the time of its job", () => {
  expect(claimed.timeline).toEqual([
    { number: 1, ...origin, startedAt: at(2), finishedAt: null, outcome: null, phases: [] },
  ]);
});

test("a final status ends the attempt and its open phase", () => {
  const failed = changeStatus(building, "build-error", options(4));
  expect(outcomes(failed)).toEqual([[1, "failed", at(4), [["failed", at(4)]]]]);
});

test("a requeue ends the attempt, and its open phase without an outcome", () => {
  const requeued = changeStatus(building, "queued", options(4));
  expect(outcomes(requeued)).toEqual([[1, "requeued", at(4), [[null, at(4)]]]]);
  const again = claim(requeued, 2, options(5));
  expect(outcomes(again).map(([number, outcome]) => [number, outcome])).toEqual([
    [1, "requeued"],
    [2, null],
  ]);
});

test("an attempt that a later one claims from is lost, also after its release was going live", () => {
  expect(outcomes(claim(building, 2, options(6)))[0]).toEqual([1, "lost", at(6), [[null, at(6)]]]);
  const live = goLive(
    changeStatus(changeStatus(building, "pushing", options(4)), "starting", options(5)),
    "r",
  );
  expect(outcomes(takeOver(live, 2, { at: at(6) })).map(([, outcome]) => outcome)).toEqual(["lost", null]);
  const ended = changeStatus(takeOver(live, 2), "crashed-error", options(7));
  expect(outcomes(ended).map(([, outcome]) => outcome)).toEqual(["lost"]);
});

test("at most 20 attempts with 40 phases each are kept, the latest", () => {
  let deployment = queued;
  for (let number = 1; number <= 30; number += 1) deployment = claim(deployment, number, options(1));
  const phases = Array.from({ length: 50 }, (_, index) => ({ ...running, name: `p${index}` }));
  const timeline = withPhases(deployment.timeline, phases);
  expect([timeline.length, timeline[0]?.number]).toEqual([20, 11]);
  expect([timeline.at(-1)?.phases.length, timeline.at(-1)?.phases[0]?.name]).toEqual([40, "p10"]);
});
