import { describe, expect, test } from "vitest";
import {
  claimOperation,
  confirmOperation,
  endOperation,
  hasEnded,
  newOperation,
  operationStatuses,
  requeueOperation,
  wantedWebCount,
} from "./operation.ts";
import type { NewOperation, Operation } from "./operation.ts";

const createdAt = new Date("2026-03-04T05:06:07.000Z");
const at = new Date("2026-03-04T05:07:00.000Z");
const later = new Date("2026-03-04T05:08:00.000Z");
const failure = { code: "app-crashed", message: "the app exited with status 1" } as const;
const conflict = expect.objectContaining({ code: "conflict" });

const restart: NewOperation = {
  id: "o",
  appId: "a",
  kind: "restart",
  webCount: null,
  requestedBy: "u",
  createdAt,
};
const scale = (webCount: number): NewOperation => ({ ...restart, kind: "scale", webCount });
const pending = newOperation(restart, 10);
const running = claimOperation(pending, 1, at);

/** An operation with this status, in its first attempt. */
function inStatus(status: Operation["status"]): Operation {
  if (status === "pending") return pending;
  if (status === "running") return running;
  return endOperation(running, at, status === "done" ? null : failure);
}

test("a new operation is pending", () => {
  expect(pending).toEqual({
    ...restart,
    status: "pending",
    failure: null,
    attempt: 0,
    revision: 1,
    startedAt: null,
    finishedAt: null,
  });
  expect(newOperation(scale(0), 10).webCount).toBe(0);
  expect(newOperation(scale(10), 10).webCount).toBe(10);
});

test.each([-1, 11, 1.5, Number.NaN])("scaling to %s is rejected", (webCount) => {
  const invalid = expect.objectContaining({ code: "invalid", fields: { amount: [expect.any(String)] } });
  expect(() => newOperation(scale(webCount), 10)).toThrow(invalid);
});

test("a scaling requires a count, a restart allows none", () => {
  expect(() => newOperation({ ...restart, webCount: 1 }, 10)).toThrow("restart");
  expect(() => newOperation({ ...restart, kind: "scale" }, 10)).toThrow("scale");
});

describe("claimOperation", () => {
  test("claimOperation starts the operation, and keeps startedAt when a later attempt claims it", () => {
    expect(running).toEqual({ ...pending, status: "running", attempt: 1, revision: 2, startedAt: at });
    expect(claimOperation(running, 2, later)).toEqual({ ...running, attempt: 2, revision: 3 });
  });

  test("claimOperation requires a newer attempt and an operation that has not ended", () => {
    const lost = expect.objectContaining({ code: "lease-lost" });
    expect(() => claimOperation(running, 1, later)).toThrow(lost);
    for (const status of ["done", "error"] as const) {
      expect(() => claimOperation(inStatus(status), 9, later)).toThrow(conflict);
    }
  });
});

test("a running operation can be confirmed or requeued", () => {
  expect(confirmOperation(running)).toEqual({ ...running, revision: 3 });
  expect(requeueOperation(running)).toEqual({ ...running, status: "pending", revision: 3 });
});

const others = operationStatuses.filter((status) => status !== "running");
test.each(others)("an operation that is %s can be neither confirmed nor requeued", (status) => {
  expect(() => confirmOperation(inStatus(status))).toThrow(conflict);
  expect(() => requeueOperation(inStatus(status))).toThrow(conflict);
});

test("an operation ends only once, as done or error, and may end without having run", () => {
  const done = endOperation(pending, later, null);
  expect(done).toEqual({
    ...pending,
    status: "done",
    revision: 2,
    startedAt: later,
    finishedAt: later,
  });
  const failed = endOperation(running, later, failure);
  expect(failed).toEqual({ ...running, status: "error", failure, revision: 3, finishedAt: later });
  for (const ended of [done, failed]) {
    expect(hasEnded(ended)).toBe(true);
    expect(() => endOperation(ended, later, null)).toThrow(conflict);
  }
  expect([pending, running].some(hasEnded)).toBe(false);
});

test("the last unfinished scaling determines wantedWebCount", () => {
  const two = newOperation(scale(2), 10);
  const none = newOperation(scale(0), 10);
  expect(wantedWebCount(1, [])).toBe(1);
  expect(wantedWebCount(3, [pending])).toBe(3);
  expect(wantedWebCount(1, [none, two, pending])).toBe(2);
  expect(wantedWebCount(1, [two, none])).toBe(0);
});
