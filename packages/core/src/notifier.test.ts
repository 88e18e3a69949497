import { expect, test } from "vitest";
import { changeStatus, claim, queuedDeployment } from "./deployment.ts";
import type { Deployment } from "./deployment.ts";
import { attempted, eventsOf, maxAttemptsKept, wants } from "./notifier.ts";
import type { Delivery, Notifier } from "./notifier.ts";

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
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
const building = claim(queued, 1, { at: at(1), lineCount: 0 });
const told = (deployment: Deployment) => eventsOf(deployment).map(({ event }) => event);
const notifier: Notifier = {
  id: "n",
  appId: "a",
  name: "ops",
  active: true,
  target: { platform: "github", token: "t" },
  events: null,
  createdAt: at(0),
  updatedAt: at(0),
  revision: 1,
};

test("a deployment is queued and started once, however often it is tried, and ends once", () => {
  const back = changeStatus(building, "queued", { at: at(2), lineCount: 3 });
  const again = claim(back, 2, { at: at(3), lineCount: 3 });
  const pushing = changeStatus(again, "pushing", { at: at(4), lineCount: 9 });
  expect(told(queued)).toEqual(["deployment_queued"]);
  expect(told(pushing)).toEqual(["deployment_queued", "deployment_started"]);
  expect(eventsOf(pushing)[1]).toEqual({
    id: "d.deployment_started",
    event: "deployment_started",
    at: at(1),
  });
  expect(told(changeStatus(pushing, "aborted", { at: at(5), lineCount: 9 }))).toContain("deployment_aborted");
  expect(told(changeStatus(building, "build-error", { at: at(5), lineCount: 9 }))).toContain(
    "deployment_failed",
  );
});

test("a notifier is told what it wants, of what happened since it was made, while it is active", () => {
  const [first] = eventsOf(queued);
  if (first === undefined) throw new Error("nothing happened");
  expect(wants(notifier, first)).toBe(true);
  expect(wants({ ...notifier, events: ["deployment_queued"] }, first)).toBe(true);
  expect(wants({ ...notifier, events: ["deployment_failed"] }, first)).toBe(false);
  expect(wants({ ...notifier, active: false }, first)).toBe(false);
  expect(wants({ ...notifier, createdAt: at(1) }, first)).toBe(false);
});

test("a delivery remembers its latest attempts", () => {
  const empty: Delivery = {
    id: "n.e",
    notifierId: "n",
    appId: "a",
    deploymentId: "d",
    event: "test",
    state: "pending",
    attempts: [],
    createdAt: at(0),
  };
  let delivery = empty;
  for (let minute = 0; minute < maxAttemptsKept + 2; minute += 1) {
    delivery = attempted(delivery, { at: at(minute), durationMs: 1, status: 500, error: null }, "pending");
  }
  expect(delivery.attempts).toHaveLength(maxAttemptsKept);
  expect(delivery.attempts.at(-1)?.at).toEqual(at(maxAttemptsKept + 1));
});
