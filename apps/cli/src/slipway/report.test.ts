import { describe, expect, test } from "vitest";
import type { DeploymentBody } from "@slipway/protocol";
import { aDeploymentBody } from "../../test-support/bodies.ts";
import { progressLines } from "./report.ts";
import type { Timeline } from "./report.ts";

const now = Date.parse("2030-01-01T12:00:00Z");
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

describe("the progress of a deployment", () => {
  test("a waiting deployment shows its position, its reason and its estimated start", () => {
    const queue = { position: 2, reason: "build-slots", estimated_seconds: 90 } as const;
    const lines = progressLines({ ...deployment, status: "queued", queue }, undefined, now);
    expect(lines).toEqual([
      "deployment d1: queued, v1, created 3 min. ago by ada",
      "position 2, waits for a build slot, starts in about 1 min 30 s",
    ]);
  });

  test("a running deployment shows its phase, since when, and its worker", () => {
    const phases = [
      { name: "unpack", started_at: ago(110), finished_at: ago(100) },
      { name: "build", started_at: ago(100), finished_at: null },
    ];
    const lines = progressLines(deployment, timelineOf({ phases }), now);
    expect(lines).toEqual([
      "deployment d1: building, v1, created 3 min. ago by ada",
      "build for 1 min 40 s on worker-1",
    ]);
  });

  test("a lost worker is named, and what happens next", () => {
    const lines = progressLines(deployment, timelineOf({ worker_state: "lost", number: 2 }), now);
    expect(lines.at(-1)).toBe(
      "worker-1, attempt 2 sends no heartbeat; another worker starts the deployment over unless it returns",
    );
  });

  test("a failed deployment shows its reason, the advice and the line of the log", () => {
    const failure = { code: "build-failed", message: "tsc: not found", hint: "Install it.", line: 23 };
    const ended = { status: "build-error", finished_at: ago(5), duration: 12, failure } as const;
    expect(progressLines({ ...deployment, ...ended } as DeploymentBody, undefined, now)).toEqual([
      "deployment d1: build-error, v1, created 3 min. ago by ada, ended just now after 12 s",
      "tsc: not found",
      "Install it.",
      "see line 23 of the log",
    ]);
  });

  test("an API without timelines shows the status only", () => {
    expect(progressLines(deployment, undefined, now)).toHaveLength(1);
  });
});

const deployment = aDeploymentBody({ created_at: ago(180), git_ref: "v1" });

function timelineOf(attempt: Partial<Timeline["attempts"][number]>): Timeline {
  const common = { number: 1, worker: "worker-1", worker_state: "ready", finished_at: null, phases: [] };
  return { attempts: [{ ...common, ...attempt }] };
}
