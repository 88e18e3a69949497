// The bars of a timeline.

import { expect, test } from "vitest";
import { barsOf } from "./bars.ts";

const at = (seconds: number) => new Date(1_000_000 + seconds * 1000).toISOString();

test("waits and phases are bars on the scale of the whole deployment, running ones up to now", () => {
  const { bars, totalMs } = barsOf(
    {
      deployment_id: "1",
      trace_id: null,
      created_at: at(0),
      started_at: at(4),
      finished_at: null,
      status: "building",
      waits: [{ reason: "no-worker", deployment_id: null, started_at: at(1), finished_at: at(4) }],
      attempts: [
        {
          number: 1,
          worker: "w",
          worker_state: "ready",
          worker_seen_at: at(9),
          engine: null,
          started_at: at(4),
          finished_at: null,
          outcome: null,
          phases: [
            {
              name: "fetch",
              started_at: at(4),
              finished_at: at(6),
              bytes: 10,
              reused: ["toolchain"],
              outcome: "success",
            },
            { name: "build", started_at: at(6), finished_at: null, bytes: null, reused: [], outcome: null },
          ],
        },
      ],
    },
    1_000_000 + 10_000,
  );
  expect(totalMs).toBe(10_000);
  expect(
    bars.map(({ name, detail, startMs, durationMs, look }) => [name, detail, startMs, durationMs, look]),
  ).toEqual([
    ["wait", "for a worker, because none is ready", 1_000, 3_000, "waiting"],
    ["fetch", "reused toolchain", 4_000, 2_000, "good"],
    ["build", "", 6_000, 4_000, "running"],
  ]);
});
