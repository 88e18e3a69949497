import { changeStatus, claim, queuedDeployment } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { aNewDeployment, testTime } from "@slipway/testkit";
import { expect, test } from "vitest";
import { isDone, nextStatus } from "./cursor.ts";

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

test("the end waits for its lines, but not for ever", () => {
  expect(after(failed, 2, 29_000)).toBe(10);
  expect(after(failed, 2, 31_000)).toBe(0);
});

test("the end of a log that is still open waits until it is closed, but not for ever", () => {
  expect(after(unsealed, 2)).toBeNull();
  expect(after(unsealed, 2, 16_000)).toBe(0);
});

test("an end that is known to come before any line waits for no log", () => {
  const aborted = changeStatus(queued, "aborted", { at: testTime, lineCount: 0 });
  expect(after(aborted, 1)).toBe(0);
});

test("when all is told, nothing comes", () => {
  expect(after(failed, 3)).toBeNull();
  expect(isDone(failed, { nextSeq: 11, statusesSent: 3 })).toBe(true);
  expect(isDone(failed, { nextSeq: 11, statusesSent: 2 })).toBe(false);
  expect(isDone(building, { nextSeq: 1, statusesSent: 2 })).toBe(false);
});

function after(deployment: Deployment, statusesSent: number, finalForMs = 0): number | null {
  return nextStatus(deployment, { nextSeq: 1, statusesSent }, finalForMs)?.afterSeq ?? null;
}

function ended(deployment: Deployment, logLineCount: number | null): Deployment {
  const facts = { logLineCount };
  return changeStatus(deployment, "build-error", { at: testTime, lineCount: logLineCount, facts });
}
