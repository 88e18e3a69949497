import { describe, expect, test } from "vitest";
import {
  claimOperation,
  confirmOperation,
  endOperation,
  hasEnded,
  newOperation,
  operationStatuses,
  releaseOperation,
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

/** An operation of that status in its first attempt. */
function inStatus(status: Operation["status"]): Operation {
  if (status === "pending") return pending;
  if (status === "running") return running;
  return endOperation(running, at, status === "done" ? null : failure);
}

test("a new one waits, with nothing done yet", () => {
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

test.each([-1, 11, 1.5, Number.NaN])("scaling to %s is refused", (webCount) => {
  const invalid = expect.objectContaining({ code: "invalid", fields: { amount: [expect.any(String)] } });
  expect(() => newOperation(scale(webCount), 10)).toThrow(invalid);
});

test("a scaling has a count, a restart has none", () => {
  expect(() => newOperation({ ...restart, webCount: 1 }, 10)).toThrow("restart");
  expect(() => newOperation({ ...restart, kind: "scale" }, 10)).toThrow("scale");
});

describe("a claim", () => {
  test("starts it, and a later one takes it over with its first start kept", () => {
    expect(running).toEqual({ ...pending, status: "running", attempt: 1, revision: 2, startedAt: at });
    expect(claimOperation(running, 2, later)).toEqual({ ...running, attempt: 2, revision: 3 });
  });

  test("needs a newer attempt, and one that is not over", () => {
    const lost = expect.objectContaining({ code: "lease-lost" });
    expect(() => claimOperation(running, 1, later)).toThrow(lost);
    for (const status of ["done", "error"] as const) {
      expect(() => claimOperation(inStatus(status), 9, later)).toThrow(conflict);
    }
  });
});

test("one that runs is confirmed or put back", () => {
  expect(confirmOperation(running)).toEqual({ ...running, revision: 3 });
  expect(releaseOperation(running)).toEqual({ ...running, status: "pending", revision: 3 });
});

const others = operationStatuses.filter((status) => status !== "running");
test.each(others)("one that is %s is held by nobody", (status) => {
  expect(() => confirmOperation(inStatus(status))).toThrow(conflict);
  expect(() => releaseOperation(inStatus(status))).toThrow(conflict);
});

test("it ends once, well or not, also without a run of its own", () => {
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
  for (const over of [done, failed]) {
    expect(hasEnded(over)).toBe(true);
    expect(() => endOperation(over, later, null)).toThrow(conflict);
  }
  expect([pending, running].some(hasEnded)).toBe(false);
});

test("the last scaling that waits says how many instances are wanted", () => {
  const two = newOperation(scale(2), 10);
  const none = newOperation(scale(0), 10);
  expect(wantedWebCount(1, [])).toBe(1);
  expect(wantedWebCount(3, [pending])).toBe(3);
  expect(wantedWebCount(1, [none, two, pending])).toBe(2);
  expect(wantedWebCount(1, [two, none])).toBe(0);
});
