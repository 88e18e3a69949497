// Ends or seals a deployment that has no running attempt: appends a line to its log, closes the log, stores and publishes the outcome.

import { changeStatus, failureOf, sealLog, takeOver } from "@slipway/core";
import type { Deployment, FinalStatus, LogSummary, SlipwayError } from "@slipway/core";
import type { RuleContext } from "./ports.ts";

/**
 * Closes the log of a deployment that was aborted. Idempotent, also on several processes at once.
 * @param reason completes "Aborted: …".
 */
export async function sealAborted(context: RuleContext, aborted: Deployment, reason: string): Promise<void> {
  await close(context, aborted, ` !     Aborted: ${reason}`, sealLog);
}

/**
 * Ends a deployment and closes its log. Idempotent, also on several processes at once.
 * @returns the deployment if this call ended it, otherwise null.
 */
export async function endWithFailure(
  { now, ...context }: RuleContext,
  deployment: Deployment,
  status: FinalStatus,
  error: SlipwayError,
): Promise<Deployment | null> {
  const line = ` !     ${error.fault === "platform" ? "The platform failed" : "Ended"}: ${error.message}`;
  return close({ ...context, now }, deployment, line, (claimed, { lineCount, sha256 }) =>
    changeStatus(claimed, status, {
      at: now(),
      lineCount,
      facts: {
        failure: failureOf(error, { line: lineCount }),
        logLineCount: lineCount,
        logSha256: sha256,
      },
    }),
  );
}

/**
 * Takes over the deployment as a newer attempt before it writes, so that an older attempt that resumes can no longer write, and
 * only one of several closing processes appends its line.
 */
async function close(
  { store, events, closeLog }: RuleContext,
  deployment: Deployment,
  line: string,
  ended: (claimed: Deployment, log: LogSummary) => Deployment,
): Promise<Deployment | null> {
  if (deployment.logSha256 !== null) return null;
  const claimed = takeOver(deployment, deployment.attempt + 1);
  if (!(await store.deployments.compareAndSet(claimed))) return null;
  const next = ended(claimed, await closeLog(claimed, line));
  if (!(await store.deployments.compareAndSet(next))) return null;
  await events.statusChanged(next);
  return next;
}
