import { expect, test } from "vitest";
import type { AttemptBody, TimelineAnswer } from "@slipway/protocol";
import { runningTimeline } from "../../test-support/running-timeline.ts";
import { stallOf } from "./stall.ts";

const at = (seconds: number) => new Date(seconds * 1000).toISOString();
const now = 1_000_000;
const build = {
  name: "build",
  started_at: at(100),
  finished_at: null,
  bytes: null,
  reused: [],
  outcome: null,
};

test("a worker without heartbeats is named, with the time since the last one", () => {
  const lost = { worker_state: "lost", worker_seen_at: at(960) } as const;
  expect(stallOf({ timeline: running(lost), lastLineAt: now, now })).toEqual({
    kind: "lost-worker",
    worker: "worker-1",
    forMs: 40_000,
  });
});

test("a log without a new line for over a minute is a stall of its phase", () => {
  const timeline = running({ phases: [build] });
  expect(stallOf({ timeline, lastLineAt: 900_000, now })).toEqual({
    kind: "silence",
    phase: "build",
    forMs: 100_000,
  });
  expect(stallOf({ timeline, lastLineAt: 950_000, now })).toBeNull();
  expect(stallOf({ timeline: running({}), lastLineAt: 900_000, now })).toMatchObject({ phase: null });
});

test("silence counts from the start of the attempt at the earliest, also without any line", () => {
  const timeline = running({ started_at: at(970) });
  expect(stallOf({ timeline, lastLineAt: 1_000, now })).toBeNull();
  expect(stallOf({ timeline: running({ started_at: at(800) }), lastLineAt: null, now })).toMatchObject({
    forMs: 200_000,
  });
});

test("a log whose times are unknown is not silent", () => {
  expect(stallOf({ timeline: running({}), lastLineAt: Number.NaN, now })).toBeNull();
});

test("a deployment that waits or has ended does not stall", () => {
  const lost = { worker_state: "lost", worker_seen_at: at(1) } as const;
  const requeued = running({ ...lost, finished_at: at(900), outcome: "lost" });
  expect(stallOf({ timeline: requeued, lastLineAt: 1_000, now })).toBeNull();
  expect(stallOf({ timeline: { ...running({}), attempts: [] }, lastLineAt: 1_000, now })).toBeNull();
});

function running(attempt: Partial<AttemptBody>): TimelineAnswer["timeline"] {
  return runningTimeline(at(95), { worker_seen_at: at(999), ...attempt });
}
