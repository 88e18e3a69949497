// The worker's log of attempts: one line for each start and each end of an attempt at a deployment or an operation, and of a phase.

import { toSlipwayError } from "@slipway/core";
import type {
  AppStore,
  Deployment,
  DeploymentStore,
  ErrorCode,
  Operation,
  OperationStore,
  PhaseRecord,
} from "@slipway/core";
import { maxAttempts } from "@slipway/queue";
import type { LaneTask } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import { isTraced, traceIdOf } from "@slipway/telemetry";
import { countAttempt, recordEnd } from "./attempt-metrics.ts";

export interface AttemptLogContext {
  readonly logger: Pick<Logger, "info" | "warn">;
  readonly store: {
    readonly apps: Pick<AppStore, "get">;
    readonly deployments: Pick<DeploymentStore, "get">;
    readonly operations: Pick<OperationStore, "get">;
  };
}

interface Outcome {
  /** The stored status of an ended item; otherwise how the queue continues. */
  readonly status:
    | Deployment["status"]
    | Operation["status"]
    | "requeued"
    | "failed"
    | "lost"
    | "gone"
    | "unknown";
  /** The error code of a failure or a requeue. Messages are left out, because they may quote the output of apps. */
  readonly reason?: ErrorCode;
}

/**
 * Runs one attempt, with a log line before and after it, and records it in the metrics. A failed read for a log line does not stop the
 * attempt.
 * @throws the error of `work`.
 */
export async function logAttempt<Result>(
  context: AttemptLogContext,
  task: LaneTask,
  work: () => Promise<Result>,
): Promise<Result> {
  const startedAtMs = performance.now();
  const kind = task.type === "deploy" ? "deployment" : "operation";
  const about = { [kind]: task.id, ...traceOf(task), ...(await facts(context, task)) };
  context.logger.info(about, `${kind} attempt started`);
  const end = (outcome: Outcome) => {
    const durationMs = Math.round(performance.now() - startedAtMs);
    context.logger.info({ ...about, ...outcome, durationMs }, `${kind} attempt ended`);
    countAttempt(kind, outcome);
  };
  let result: Result;
  try {
    result = await work();
  } catch (error) {
    end(outcomeOfFailure(error, task));
    throw error;
  }
  const found = await readItem(context, task);
  // If an earlier attempt ended the item, its end was recorded then.
  if (found?.attempt === task.attempt) recordEnd(found);
  end(storedOutcome(found));
  return result;
}

/** Logs and records the end of an item that no attempt could end. @param ended null when another worker has ended it. */
export async function logEnd(
  context: AttemptLogContext,
  ended: Deployment | Operation | null,
): Promise<void> {
  if (ended === null) return;
  recordEnd(ended);
  const kind = "kind" in ended ? "operation" : "deployment";
  const about = { [kind]: ended.id, ...(await facts(context, ended)), ...outcomeOf(ended) };
  context.logger.info(about, `${kind} ended without an attempt`);
}

/** Logs the start or the end of a phase. */
export function logPhase(
  logger: AttemptLogContext["logger"],
  { id: deployment, appId: app, attempt }: Pick<Deployment, "id" | "appId" | "attempt">,
  { name: phase, startedAt, finishedAt, outcome, bytes, reused }: PhaseRecord,
): void {
  const about = { deployment, ...traceOf({ type: "deploy", id: deployment }), app, attempt, phase };
  if (finishedAt === null) return logger.info(about, "deployment phase started");
  const durationMs = finishedAt.getTime() - startedAt.getTime();
  logger.info({ ...about, outcome, durationMs, bytes, reused }, "deployment phase ended");
}

/** OpenTelemetry defines the field's name, by which tools find the trace of a line. */
function traceOf({ type, id }: Pick<LaneTask, "type" | "id">): { readonly trace_id?: string } {
  return type === "deploy" && isTraced() ? { trace_id: traceIdOf(id) } : {};
}

async function facts(context: AttemptLogContext, { appId, attempt }: Pick<LaneTask, "appId" | "attempt">) {
  const app = await readForLog(context, () => context.store.apps.get(appId));
  return { app: appId, ...(app ? { appName: app.name } : {}), attempt };
}

/** @returns null when the item does not exist, undefined when the store is unavailable. */
function readItem(
  context: AttemptLogContext,
  task: LaneTask,
): Promise<Deployment | Operation | null | undefined> {
  const { deployments, operations } = context.store;
  return readForLog<Deployment | Operation | null>(context, () =>
    task.type === "deploy" ? deployments.get(task.id) : operations.get(task.id),
  );
}

function storedOutcome(found: Deployment | Operation | null | undefined): Outcome {
  if (found === undefined) return { status: "unknown" };
  return found === null ? { status: "gone" } : outcomeOf(found);
}

function outcomeOf({ status, failure }: Deployment | Operation): Outcome {
  return failure === null ? { status } : { status, reason: failure.code };
}

/** The outcome of an attempt that rejected. */
function outcomeOfFailure(thrown: unknown, { tryNumber }: LaneTask): Outcome {
  const { code: reason, retryable } = toSlipwayError(thrown);
  if (reason === "lease-lost") return { status: "lost", reason };
  // Attempts with these reasons are not counted as tries.
  if (reason === "requeued" || reason === "store-unavailable") return { status: "requeued", reason };
  return { status: retryable && tryNumber < maxAttempts ? "requeued" : "failed", reason };
}

/** @returns undefined when the store is unavailable. */
async function readForLog<T>({ logger }: AttemptLogContext, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    logger.warn({ err: error }, "cannot read the facts to log about an attempt");
    return undefined;
  }
}
