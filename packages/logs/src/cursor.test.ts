import { changeStatus, claim, queuedDeployment } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { aNewDeployment, testTime } from "@slipway/testkit";
import { expect, test } from "vitest";
import { isDone, newCursor, nextStatus, recordCaughtUp } from "./cursor.ts";

const queued = queuedDeployment(aNewDeployment(), 1);
const building = claim(queued, 1, { at: testTime, lineCount: 3 });
const failed = ended(building, 10);
const unsealed = ended(building, null);

test("a status follows the lines that precede it", () => {
  expect(after(queued, 0)).toBe(0);
  expect(after(building, 1)).toBe(3);
  expect(after(failed, 2)).toBe(10);
});

test("a status does not wait for lines beyond the end of a log that lost lines", () => {
  const lost = changeStatus(claim(queued, 1, { at: testTime, lineCount: 30 }), "build-error", {
    at: testTime,
    lineCount: 10,
    facts: { logLineCount: 10 },
  });
  expect(after(lost, 1)).toBe(10);
});

test("a final status waits for missing lines until a timeout", () => {
  expect(afterWaiting(failed, [0, 29_000])).toBe(10);
  expect(afterWaiting(failed, [0, 29_000, 31_000])).toBe(0);
});

test("a final status waits for an unsealed log until a timeout", () => {
  expect(afterWaiting(unsealed, [0])).toBeNull();
  expect(afterWaiting(unsealed, [0, 16_000])).toBe(0);
});

test("a new line and a failed read restart the timeout", () => {
  const cursor = newCursor({ statusesSent: 2 });
  recordCaughtUp(failed, cursor, later(0));
  cursor.nextSeq += 1;
  recordCaughtUp(failed, cursor, later(31_000));
  expect(nextStatus(failed, cursor)?.afterSeq).toBe(10);
  cursor.missing = null;
  recordCaughtUp(failed, cursor, later(62_000));
  expect(nextStatus(failed, cursor)?.afterSeq).toBe(10);
});

test("an unfinished deployment waits for its lines without a timeout; a finished one skips all missing lines", () => {
  expect(afterWaiting(building, [0, 90_000], 1)).toBe(3);
  expect(afterWaiting(failed, [0, 90_000], 1)).toBe(0);
});

test("a final status before the first attempt does not wait for a log", () => {
  const aborted = changeStatus(queued, "aborted", { at: testTime, lineCount: 0 });
  expect(after(aborted, 1)).toBe(0);
});

test("no status follows when all were sent", () => {
  expect(after(failed, 3)).toBeNull();
  expect(isDone(failed, newCursor({ statusesSent: 3 }))).toBe(true);
  expect(isDone(failed, newCursor({ statusesSent: 2 }))).toBe(false);
  expect(isDone(building, newCursor({ statusesSent: 2 }))).toBe(false);
});

function after(deployment: Deployment, statusesSent: number): number | null {
  return nextStatus(deployment, newCursor({ statusesSent }))?.afterSeq ?? null;
}

/** @param readsMs times of reads that found no line. */
function afterWaiting(deployment: Deployment, readsMs: readonly number[], statusesSent = 2): number | null {
  const cursor = newCursor({ statusesSent });
  for (const ms of readsMs) recordCaughtUp(deployment, cursor, later(ms));
  return nextStatus(deployment, cursor)?.afterSeq ?? null;
}

function later(ms: number): Date {
  return new Date(testTime.getTime() + ms);
}

function ended(deployment: Deployment, logLineCount: number | null): Deployment {
  const facts = { logLineCount };
  return changeStatus(deployment, "build-error", { at: testTime, lineCount: logLineCount, facts });
}
