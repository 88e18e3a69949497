import { expect, test } from "vitest";
import { changeStatus, claim, queuedDeployment } from "./deployment.ts";
import type { Deployment } from "./deployment.ts";
import { addAttempt, eventsOf, maxAttemptsKept, wantsEvent } from "./notifier.ts";
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
const eventNames = (deployment: Deployment) => eventsOf(deployment).map(({ event }) => event);
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

test("eventsOf returns each event once, regardless of retries", () => {
  const requeued = changeStatus(building, "queued", { at: at(2), lineCount: 3 });
  const again = claim(requeued, 2, { at: at(3), lineCount: 3 });
  const pushing = changeStatus(again, "pushing", { at: at(4), lineCount: 9 });
  expect(eventNames(queued)).toEqual(["deployment_queued"]);
  expect(eventNames(pushing)).toEqual(["deployment_queued", "deployment_started"]);
  expect(eventsOf(pushing)[1]).toEqual({
    id: "d.deployment_started",
    event: "deployment_started",
    at: at(1),
  });
  expect(eventNames(changeStatus(pushing, "aborted", { at: at(5), lineCount: 9 }))).toContain(
    "deployment_aborted",
  );
  expect(eventNames(changeStatus(building, "build-error", { at: at(5), lineCount: 9 }))).toContain(
    "deployment_failed",
  );
});

test("a notifier receives its selected events since its creation, while it is active", () => {
  const [first] = eventsOf(queued);
  if (first === undefined) throw new Error("the deployment has no event");
  expect(wantsEvent(notifier, first)).toBe(true);
  expect(wantsEvent({ ...notifier, events: ["deployment_queued"] }, first)).toBe(true);
  expect(wantsEvent({ ...notifier, events: ["deployment_failed"] }, first)).toBe(false);
  expect(wantsEvent({ ...notifier, active: false }, first)).toBe(false);
  expect(wantsEvent({ ...notifier, createdAt: at(1) }, first)).toBe(false);
});

test("a delivery keeps its latest attempts", () => {
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
    delivery = addAttempt(delivery, { at: at(minute), durationMs: 1, status: 500, error: null }, "pending");
  }
  expect(delivery.attempts).toHaveLength(maxAttemptsKept);
  expect(delivery.attempts.at(-1)?.at).toEqual(at(maxAttemptsKept + 1));
});
