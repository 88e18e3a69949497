import { expect, test } from "vitest";
import type { QueueSample } from "@slipway/protocol";
import { columnsOf, summaryOf } from "./history-columns.ts";

const sample = (second: number, waiting: number, wait: number | null = null): QueueSample => ({
  at: new Date(second * 1000).toISOString(),
  waiting,
  running: 1,
  oldest_waiting_seconds: 0,
  slots: { used: 1, total: 2 },
  ended: 0,
  failed: 0,
  mean_wait_seconds: wait,
  mean_duration_seconds: null,
});

test("each line has a column; a missing minute interrupts it", () => {
  const samples = [sample(60, 3), sample(121, 4, 2), sample(600, 5)];
  expect(columnsOf(samples, 60, [(each) => each.waiting, (each) => each.mean_wait_seconds])).toEqual([
    [60, 121, 181, 600],
    [3, 4, null, 5],
    [null, 2, null, null],
  ]);
});

test("a line is summarized by its last and its largest value", () => {
  expect(summaryOf("Waiting", [1, 7, null, 3, null], String)).toBe("Waiting: 3 last, 7 at most");
  expect(summaryOf("Mean wait", [null], String)).toBe("Mean wait: none");
});
