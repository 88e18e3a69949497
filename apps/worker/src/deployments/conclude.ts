// Ends an attempt: stores the final status with the log's summary, or leaves the deployment to the next attempt.

import { failureOf, outcomeOf, toSlipwayError } from "@slipway/core";
import type { Failure, FinalStatus, RunningStatus, SlipwayError } from "@slipway/core";
import { maxAttempts } from "@slipway/queue";
import type { LaneTask } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { Attempt } from "./attempt.ts";
import { explainFailure } from "./failure-reason.ts";

export interface ConcludeContext {
  readonly logger: Logger;
}

type Ending = Pick<Attempt, "lease" | "log">;

/** Ends the deployment as successful. */
export function succeed(attempt: Ending): Promise<void> {
  return end(attempt, "success", null);
}

/** Handles the failure of an attempt. Resolves when the deployment is final; otherwise rejects with the error. */
export async function conclude(
  context: ConcludeContext,
  attempt: Ending,
  task: LaneTask,
  error: SlipwayError,
): Promise<void> {
  if (error.code === "lease-lost") {
    await keepLog(context, attempt);
    throw error;
  }
  if (error.code === "aborted") return sealAborted(attempt);
  if (error.code === "requeued") {
    await requeue(attempt);
    throw error;
  }
  if (error.fault === "user") return endByUserError(attempt, error);
  await endOrRetry(context, attempt, task, error);
}

/** The status is already stored: only the log remains to be closed. */
async function sealAborted({ lease, log }: Ending): Promise<void> {
  log.line(` !     Aborted: ${await lease.abortReason()}`);
  return lease.seal(await log.end());
}

async function requeue({ lease, log }: Ending): Promise<void> {
  log.line(" !     This worker is shutting down: the deployment goes back to its queue");
  await log.flush();
  // A deployment whose release is already going live keeps its status: the next attempt completes it.
  if (lease.deployment.releaseId === null) await lease.changeStatus("queued", log.lastSeq);
  else await lease.endAttempt("requeued");
}

async function endByUserError(attempt: Ending, error: SlipwayError): Promise<void> {
  const { lease, log } = attempt;
  const failure = explainFailure(log, error, lease.failedPhase(error));
  return end(attempt, outcomeOf(error.code, lease.deployment.status as RunningStatus), failure);
}

async function endOrRetry(
  { logger }: ConcludeContext,
  attempt: Ending,
  task: LaneTask,
  error: SlipwayError,
): Promise<void> {
  const { lease, log } = attempt;
  logger.error({ err: error, deployment: lease.deployment.id, attempt: task.attempt }, "an attempt failed");
  // Without the database neither the end nor the retry can be stored.
  if (error.code === "store-unavailable") throw error;
  const again = error.retryable && task.tryNumber < maxAttempts;
  log.line(
    ` !     The platform failed: ${error.message}${again ? `; trying again (${task.tryNumber + 1} of ${maxAttempts})` : ""}`,
  );
  if (!again) {
    const phase = lease.failedPhase(error)?.name ?? null;
    const failure = failureOf(error, { phase, line: log.lastSeq });
    return end(attempt, lease.deployment.releaseId === null ? "aborted" : "crashed-error", failure);
  }
  await log.flush();
  await lease.endAttempt("failed");
  throw error;
}

/** Stores the last lines. If no other attempt has claimed the deployment yet, the next attempt continues after them. */
async function keepLog({ logger }: ConcludeContext, { log, lease }: Ending): Promise<void> {
  try {
    await log.storePublished();
  } catch (error) {
    if (toSlipwayError(error).code === "lease-lost") return;
    logger.warn({ err: error, deployment: lease.deployment.id }, "cannot keep the log's last lines");
  }
}

async function end({ lease, log }: Ending, status: FinalStatus, failure: Failure | null): Promise<void> {
  // Masks the message: users who may not read the app's variables can see why a deployment failed.
  const shown = failure === null ? null : { ...failure, message: log.mask(failure.message) };
  const { lineCount, sha256 } = await log.end();
  await lease.changeStatus(status, lineCount, {
    failure: shown,
    logLineCount: lineCount,
    logSha256: sha256,
  });
}
