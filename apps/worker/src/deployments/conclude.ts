// Ends an attempt: stores the final status with the log's summary, or leaves the deployment to the next attempt.

import { failureOf, outcomeOf, toSlipwayError } from "@slipway/core";
import type { FinalStatus, RunningStatus, SlipwayError } from "@slipway/core";
import { maxAttempts } from "@slipway/queue";
import type { LaneTask } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { Attempt } from "./attempt.ts";

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

/** The store has the status already: only the log is left to end. */
async function sealAborted({ lease, log }: Ending): Promise<void> {
  log.line(` !     Aborted: ${await lease.abortReason()}`);
  return lease.seal(await log.end());
}

async function requeue({ lease, log }: Ending): Promise<void> {
  log.line(" !     This worker is shutting down: the deployment goes back to its queue");
  await log.flush();
  // A deployment whose release is already going live keeps its status: the next attempt completes it.
  if (lease.deployment.releaseId === null) await lease.changeStatus("queued", log.lastSeq);
}

async function endByUserError(attempt: Ending, error: SlipwayError): Promise<void> {
  const { lease, log } = attempt;
  log.line(` !     ${sentence(error.message)}`);
  return end(attempt, outcomeOf(error.code, lease.deployment.status as RunningStatus), error);
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
  if (!again) return end(attempt, lease.deployment.releaseId === null ? "aborted" : "crashed-error", error);
  await log.flush();
  throw error;
}

/** Stores the last lines: if no other attempt has claimed the deployment yet, the next one continues after them. */
async function keepLog({ logger }: ConcludeContext, { log, lease }: Ending): Promise<void> {
  try {
    await log.storePublished();
  } catch (error) {
    if (toSlipwayError(error).code === "lease-lost") return;
    logger.warn({ err: error, deployment: lease.deployment.id }, "cannot keep the log's last lines");
  }
}

async function end({ lease, log }: Ending, status: FinalStatus, error: SlipwayError | null): Promise<void> {
  const { lineCount, sha256 } = await log.end();
  const failure = error === null ? null : failureOf(error);
  await lease.changeStatus(status, lineCount, { failure, logLineCount: lineCount, logSha256: sha256 });
}

/** A name at the beginning, such as package.json, stays as it is written. */
function sentence(message: string): string {
  return /^[a-z]+[ ,:]/.test(message) ? message.charAt(0).toUpperCase() + message.slice(1) : message;
}
