import { changeStatus, claim, queuedDeployment } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { aNewDeployment, testTime } from "@slipway/testkit";
import { expect, test } from "vitest";
import { isDone, newCursor, nextStatus, noteNothingToRead } from "./cursor.ts";

const queued = queuedDeployment(aNewDeployment(), 1);
const building = claim(queued, 1, { at: testTime, lineCount: 3 });
const failed = ended(building, 10);
const unsealed = ended(building, null);

test("a status comes after the lines that came before it", () => {
  expect(after(queued, 0)).toBe(0);
  expect(after(building, 1)).toBe(3);
  expect(after(failed, 2)).toBe(10);
});

test("a status of a log that lost lines does not wait for more than there are", () => {
  const lost = changeStatus(claim(queued, 1, { at: testTime, lineCount: 30 }), "build-error", {
    at: testTime,
    lineCount: 10,
    facts: { logLineCount: 10 },
  });
  expect(after(lost, 1)).toBe(10);
});

test("the end waits for its lines, but not for ever when there is nothing to read", () => {
  expect(afterWaiting(failed, [0, 29_000])).toBe(10);
  expect(afterWaiting(failed, [0, 29_000, 31_000])).toBe(0);
});

test("the end of a log that is still open waits until it is closed, but not for ever", () => {
  expect(afterWaiting(unsealed, [0])).toBeNull();
  expect(afterWaiting(unsealed, [0, 16_000])).toBe(0);
});

test("a line that came lets the end wait anew, and so does a look that failed", () => {
  const cursor = newCursor({ statusesSent: 2 });
  noteNothingToRead(failed, cursor, later(0));
  cursor.nextSeq += 1;
  noteNothingToRead(failed, cursor, later(31_000));
  expect(nextStatus(failed, cursor)?.afterSeq).toBe(10);
  cursor.stuck = null;
  noteNothingToRead(failed, cursor, later(62_000));
  expect(nextStatus(failed, cursor)?.afterSeq).toBe(10);
});

test("a deployment that goes on waits for its lines for ever; one that is over gives up all that are missing", () => {
  expect(afterWaiting(building, [0, 90_000], 1)).toBe(3);
  expect(afterWaiting(failed, [0, 90_000], 1)).toBe(0);
});

test("an end that is known to come before any line waits for no log", () => {
  const aborted = changeStatus(queued, "aborted", { at: testTime, lineCount: 0 });
  expect(after(aborted, 1)).toBe(0);
});

test("when all is told, nothing comes", () => {
  expect(after(failed, 3)).toBeNull();
  expect(isDone(failed, newCursor({ statusesSent: 3 }))).toBe(true);
  expect(isDone(failed, newCursor({ statusesSent: 2 }))).toBe(false);
  expect(isDone(building, newCursor({ statusesSent: 2 }))).toBe(false);
});

function after(deployment: Deployment, statusesSent: number): number | null {
  return nextStatus(deployment, newCursor({ statusesSent }))?.afterSeq ?? null;
}

/** @param looksMs when it was looked for lines, and none was there. */
function afterWaiting(deployment: Deployment, looksMs: readonly number[], statusesSent = 2): number | null {
  const cursor = newCursor({ statusesSent });
  for (const ms of looksMs) noteNothingToRead(deployment, cursor, later(ms));
  return nextStatus(deployment, cursor)?.afterSeq ?? null;
}

function later(ms: number): Date {
  return new Date(testTime.getTime() + ms);
}

function ended(deployment: Deployment, logLineCount: number | null): Deployment {
  const facts = { logLineCount };
  return changeStatus(deployment, "build-error", { at: testTime, lineCount: logLineCount, facts });
}
