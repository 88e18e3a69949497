// The metrics of attempts, and of the deployments and operations that attempts end.

import type { Deployment, ErrorCode, Operation } from "@slipway/core";
import { count, record } from "@slipway/telemetry";

/** How the queue continues after an attempt, or the item's status. */
interface AttemptEnd {
  readonly status: string;
  readonly reason?: ErrorCode;
}

/** Codes of attempts that end without a failure of the work itself. */
const requeues: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>(["requeued", "store-unavailable"]);

/** Counts an attempt by its outcome. */
export function countAttempt(kind: "deployment" | "operation", { status, reason }: AttemptEnd): void {
  count("slipway_attempts_total", { kind, outcome: outcomeOf(status, reason) });
}

/** Records an item that this worker ended, with its durations. Does not record an item that continues. */
export function recordEnd(item: Deployment | Operation): void {
  if (item.finishedAt === null) return;
  if ("kind" in item) count("slipway_operations_total", { status: item.status });
  else recordDeployment(item);
}

function recordDeployment({ status, createdAt, startedAt, finishedAt, timeline }: Deployment): void {
  count("slipway_deployments_total", { status });
  if (startedAt === null || finishedAt === null) return;
  record("slipway_deployment_queue_wait_seconds", {}, seconds(createdAt, startedAt));
  record("slipway_deployment_duration_seconds", { status }, seconds(startedAt, finishedAt));
  for (const phase of timeline.flatMap(({ phases }) => phases)) {
    if (phase.finishedAt === null) continue;
    const attributes = { phase: phase.name, outcome: phase.outcome ?? "failed" };
    record(
      "slipway_deployment_phase_duration_seconds",
      attributes,
      seconds(phase.startedAt, phase.finishedAt),
    );
  }
}

function outcomeOf(status: string, reason: ErrorCode | undefined): string {
  if (status === "requeued") return requeues.has(reason) ? "requeued" : "retried";
  return status === "failed" || status === "lost" ? status : "ended";
}

function seconds(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1e3;
}
