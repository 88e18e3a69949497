// The timeline of a deployment that a worker is building.

import type { AttemptBody, TimelineAnswer } from "@slipway/protocol";

/** @param at the time of every event. @param attempt properties of the attempt that override the defaults. */
export function runningTimeline(at: string, attempt: Partial<AttemptBody> = {}): TimelineAnswer["timeline"] {
  const first: AttemptBody = {
    number: 1,
    worker: "worker-1",
    worker_state: "ready",
    worker_seen_at: at,
    engine: null,
    started_at: at,
    finished_at: null,
    outcome: null,
    phases: [],
    ...attempt,
  };
  return {
    deployment_id: "1",
    trace_id: null,
    created_at: at,
    started_at: at,
    finished_at: null,
    status: "building",
    waits: [],
    attempts: [first],
  };
}
