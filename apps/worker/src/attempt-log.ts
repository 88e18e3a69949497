// The worker's own log of its work: one line for each start and each end of a deployment's or an operation's attempt.

import { toSlipwayError } from "@slipway/core";
import type { Deployment, ErrorCode, Operation } from "@slipway/core";
import { maxAttempts } from "@slipway/queue";
import type { DeployTask, OperateTask } from "@slipway/queue";
import type { Platform } from "./platform.ts";

type Place = Pick<Platform, "logger" | "store">;
type Task = DeployTask | OperateTask;

interface Outcome {
  /** The stored one of what has ended; otherwise what becomes of it now. */
  readonly status:
    | Deployment["status"]
    | Operation["status"]
    | "requeued"
    | "failed"
    | "lost"
    | "gone"
    | "unknown";
  /** Why it failed or was requeued. Messages stay out of these lines: they may quote what apps print. */
  readonly reason?: ErrorCode;
}

/**
 * Runs one attempt between its two lines. What cannot be read for them stops no attempt.
 * @throws what `work` rejects with.
 */
export async function logAttempt(place: Place, task: Task, work: () => Promise<void>): Promise<void> {
  const startedAtMs = performance.now();
  const kind = "deploymentId" in task ? "deployment" : "operation";
  const id = "deploymentId" in task ? task.deploymentId : task.operationId;
  const about = { [kind]: id, ...(await facts(place, task)) };
  place.logger.info(about, `${kind} attempt started`);
  const end = (outcome: Outcome) => {
    const durationMs = Math.round(performance.now() - startedAtMs);
    place.logger.info({ ...about, ...outcome, durationMs }, `${kind} attempt ended`);
  };
  try {
    await work();
  } catch (error) {
    end(outcomeOfFailure(error, task));
    throw error;
  }
  end(await storedOutcome(place, task));
}

/** Logs the end of what no attempt could end. @param ended null when another worker has ended it. */
export async function logEnd(place: Place, ended: Deployment | Operation | null): Promise<void> {
  if (ended === null) return;
  const kind = "kind" in ended ? "operation" : "deployment";
  const about = { [kind]: ended.id, ...(await facts(place, ended)), ...outcomeOf(ended) };
  place.logger.info(about, `${kind} ended without an attempt`);
}

async function facts(place: Place, { appId, attempt }: Pick<Task, "appId" | "attempt">) {
  const app = await readForLog(place, () => place.store.apps.get(appId));
  return { app: appId, ...(app ? { appName: app.name } : {}), attempt };
}

async function storedOutcome(place: Place, task: Task): Promise<Outcome> {
  const { deployments, operations } = place.store;
  const found = await readForLog<Deployment | Operation | null>(place, () =>
    "deploymentId" in task ? deployments.get(task.deploymentId) : operations.get(task.operationId),
  );
  if (found === undefined) return { status: "unknown" };
  return found === null ? { status: "gone" } : outcomeOf(found);
}

function outcomeOf({ status, failure }: Deployment | Operation): Outcome {
  return failure === null ? { status } : { status, reason: failure.code };
}

/** What the queue makes of a rejected attempt. */
function outcomeOfFailure(thrown: unknown, { tryNumber }: Task): Outcome {
  const { code: reason, retryable } = toSlipwayError(thrown);
  if (reason === "lease-lost") return { status: "lost", reason };
  // These are not counted as tries.
  if (reason === "requeued" || reason === "store-unavailable") return { status: "requeued", reason };
  return { status: retryable && tryNumber < maxAttempts ? "requeued" : "failed", reason };
}

/** @returns undefined when the store is away. */
async function readForLog<T>({ logger }: Place, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    logger.warn({ err: error }, "cannot read what to log of an attempt");
    return undefined;
  }
}
