// The reason of a failed deployment, for its log and its `failure`: the message of the buildpack or the program, if there is one.

import { failureOf } from "@slipway/core";
import type { Failure, SlipwayError } from "@slipway/core";
import type { FailedPhase } from "@slipway/deployments";
import type { LogWriter } from "@slipway/logs";
import { summarizeFailure } from "./failure-summary.ts";

type Log = Pick<LogWriter, "line" | "lastSeq" | "recentLines">;

/**
 * Writes the reason as the log's last line, unless the output ends with a reason.
 * @param phase the failed phase; null outside of phases.
 */
export function explainFailure(log: Log, error: SlipwayError, phase: FailedPhase | null): Failure {
  const summary = summaryOf(log, error, phase);
  if (error.code !== "build-failed" || summary?.isExplained !== true) log.line(` !     ${lastLine(error)}`);
  const where = { phase: phase?.name ?? null };
  if (summary === null) return failureOf(error, { ...where, line: log.lastSeq });
  const { code, exitCode } = error;
  const details = { code, exitCode, hint: summary.hint ?? error.hint };
  const message = error.code === "build-failed" ? summary.text : `${summary.text} (${error.message})`;
  return failureOf({ ...details, message }, { ...where, line: summary.line });
}

/** The message of the phase's failed command; null for other kinds of errors. */
function summaryOf(log: Log, { exitCode }: SlipwayError, phase: FailedPhase | null) {
  if (exitCode === undefined || phase === null) return null;
  return summarizeFailure(log.recentLines().filter(({ seq }) => seq >= phase.firstLine));
}

/** A name at the beginning, such as package.json, keeps its spelling. */
function lastLine({ message }: SlipwayError): string {
  return /^[a-z]+[ ,:]/.test(message) ? message.charAt(0).toUpperCase() + message.slice(1) : message;
}
