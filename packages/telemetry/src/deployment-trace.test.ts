import { expect, test } from "vitest";
import {
  beginAttempt,
  changeStatus,
  claim,
  endAttempts,
  failureOf,
  queuedDeployment,
  withPhases,
} from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { aNewDeployment } from "@slipway/testkit";
import { deploymentSpans } from "./deployment-trace.ts";
import { attemptIds, deploymentIds, phaseSpanId, traceIdOf } from "./trace-ids.ts";

const at = (second: number) => new Date(Date.UTC(2026, 2, 4, 5, 6, second));
const origin = (jobAddedSecond: number) => ({
  worker: "worker-1",
  engine: "unix:///engine.sock",
  jobAddedAt: at(jobAddedSecond),
});
const fetch = {
  name: "fetch",
  startedAt: at(10),
  finishedAt: at(12),
  bytes: 42,
  reused: ["toolchain"],
  outcome: "success",
} as const;
const build = {
  ...fetch,
  name: "build",
  startedAt: at(12),
  finishedAt: null,
  bytes: null,
  reused: [],
  outcome: null,
};
const sealed = { logLineCount: 0, logSha256: "" };

/** A deployment that waits in its lane for 4 s and for a worker for 6 s; its worker dies after 5 s; the second attempt fails. */
function failedInItsSecondAttempt(): Deployment {
  const created = queuedDeployment(aNewDeployment({ id: "d1", createdAt: at(0) }), 1);
  const first = claim(created, 1, { at: at(10), lineCount: 0, origin: origin(4) });
  const lost = { ...first, timeline: withPhases(first.timeline, [fetch, build]) };
  const second = beginAttempt(lost.timeline, { number: 2, at: at(15), origin: origin(15) });
  const failure = failureOf({ code: "build-failed", message: "secret=1" });
  const facts = { failure, ...sealed };
  return changeStatus({ ...lost, attempt: 2, timeline: second }, "build-error", {
    at: at(20),
    lineCount: 0,
    facts,
  });
}

test("a trace has the deployment, its waits, its attempts and their phases, each with its parent", () => {
  const spans = deploymentSpans(failedInItsSecondAttempt()).map(
    ({ name, parentSpanId, startedAt, finishedAt, failure }) => ({
      name,
      parentSpanId,
      seconds: [startedAt.getUTCSeconds(), finishedAt.getUTCSeconds()],
      failure,
    }),
  );
  const whole = deploymentIds("d1").spanId;
  const first = attemptIds("d1", 1).spanId;
  expect(spans).toEqual([
    { name: "deployment", parentSpanId: null, seconds: [0, 20], failure: "build-failed" },
    { name: "wait in the lane", parentSpanId: whole, seconds: [0, 4], failure: null },
    { name: "wait for a worker", parentSpanId: whole, seconds: [4, 10], failure: null },
    { name: "attempt", parentSpanId: whole, seconds: [10, 15], failure: "lost" },
    { name: "fetch", parentSpanId: first, seconds: [10, 12], failure: null },
    { name: "build", parentSpanId: first, seconds: [12, 15], failure: null },
    { name: "attempt", parentSpanId: whole, seconds: [15, 20], failure: "failed" },
  ]);
});

test("spans have what the timeline knows, no message of a failure, and ids that follow from the deployment", () => {
  const spans = deploymentSpans(failedInItsSecondAttempt());
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([traceIdOf("d1")]));
  expect(traceIdOf("d1")).toMatch(/^[0-9a-f]{32}$/);
  const byName = (name: string) => spans.find((span) => span.name === name);
  expect(byName("attempt")?.attributes).toEqual({
    "slipway.attempt.number": 1,
    "slipway.attempt.outcome": "lost",
    "slipway.worker": "worker-1",
    "slipway.engine": "unix:///engine.sock",
  });
  expect(byName("fetch")).toMatchObject({
    spanId: phaseSpanId("d1", 1, fetch),
    attributes: { "slipway.phase.bytes": 42, "slipway.phase.reused": ["toolchain"] },
  });
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  expect(JSON.stringify(spans)).not.toContain("secret");
});

test("a deployment that was aborted between attempts has the wait after the last one", () => {
  const claimed = claim(queuedDeployment(aNewDeployment({ id: "d2", createdAt: at(1) }), 1), 1, {
    at: at(1),
    lineCount: 0,
  });
  const queued = { ...claimed, timeline: endAttempts(claimed.timeline, "requeued", at(5)) };
  const aborted = changeStatus(queued, "aborted", { at: at(9), lineCount: 0, facts: sealed });
  const spans = deploymentSpans(aborted);
  expect(spans.map(({ name, failure }) => [name, failure])).toEqual([
    ["deployment", null],
    ["attempt", null],
    ["wait", null],
  ]);
  expect(spans[2]).toMatchObject({ startedAt: at(5), finishedAt: at(9) });
});

test("a deployment has no trace before its log is sealed", () => {
  const created = queuedDeployment(aNewDeployment({ id: "d3", createdAt: at(0) }), 1);
  expect(deploymentSpans(created)).toEqual([]);
  expect(deploymentSpans(changeStatus(created, "aborted", { at: at(3), lineCount: null }))).toEqual([]);
});
