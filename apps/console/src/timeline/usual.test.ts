import { expect, test } from "vitest";
import type { TimelineAnswer } from "@slipway/protocol";
import { usualOf } from "./usual.ts";

const at = (seconds: number) => new Date(seconds * 1000).toISOString();

/** Fetches for a second and builds for `buildSeconds`, after an attempt that was lost. */
function timeline(buildSeconds: number, finished = true): TimelineAnswer["timeline"] {
  const phase = { bytes: null, reused: [], outcome: "success" as const };
  const worker = { worker: null, worker_state: null, worker_seen_at: null };
  const attempt = { ...worker, engine: null, outcome: null, started_at: at(1), finished_at: null };
  const end = at(20 + buildSeconds);
  return {
    deployment_id: "1",
    trace_id: null,
    created_at: at(0),
    started_at: at(1),
    finished_at: finished ? end : null,
    status: "success",
    waits: [],
    attempts: [
      {
        ...attempt,
        number: 1,
        phases: [{ ...phase, name: "build", started_at: at(1), finished_at: at(19) }],
      },
      {
        ...attempt,
        number: 2,
        phases: [
          { ...phase, name: "fetch", started_at: at(19), finished_at: at(20) },
          { ...phase, name: "build", started_at: at(20), finished_at: end },
          { ...phase, name: "start", started_at: end, finished_at: null },
        ],
      },
    ],
  };
}

test("the usual duration of a phase is the median over the attempts that succeeded", () => {
  expect(usualOf([timeline(10), timeline(90), timeline(12)])).toEqual({
    phasesMs: new Map([
      ["fetch", 1_000],
      ["build", 12_000],
    ]),
    totalMs: 32_000,
    count: 3,
  });
  expect(usualOf([timeline(10), timeline(20)])?.phasesMs.get("build")).toBe(15_000);
});

test("without an ended deployment there are no usual durations", () => {
  expect(usualOf([])).toBeNull();
  expect(usualOf([timeline(3, false)])).toBeNull();
});
