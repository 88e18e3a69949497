// Why a deployment failed, for its log and its `failure`: the words of the buildpack or the program, where it said something.

import { failureOf } from "@slipway/core";
import type { Failure, SlipwayError } from "@slipway/core";
import type { FailedPhase } from "@slipway/deployments";
import type { LogWriter } from "@slipway/logs";
import { lastWordsOf } from "./last-words.ts";

type Log = Pick<LogWriter, "line" | "lastSeq" | "recentLines">;

/**
 * Writes the log's last line with the reason, unless the output ends with one.
 * @param phase the one that failed; null outside of phases.
 */
export function explainFailure(log: Log, error: SlipwayError, phase: FailedPhase | null): Failure {
  const words = wordsOf(log, error, phase);
  if (error.code !== "build-failed" || words?.isExplained !== true) log.line(` !     ${lastLine(error)}`);
  const where = { phase: phase?.name ?? null };
  if (words === null) return failureOf(error, { ...where, line: log.lastSeq });
  const said = { code: error.code, hint: words.hint ?? error.hint };
  const message = error.code === "build-failed" ? words.text : `${words.text} (${error.message})`;
  return failureOf({ ...said, message }, { ...where, line: words.line });
}

/** What the failed command of the phase said; null for another kind of error. */
function wordsOf(log: Log, { exitCode }: SlipwayError, phase: FailedPhase | null) {
  if (exitCode === undefined || phase === null) return null;
  return lastWordsOf(log.recentLines().filter(({ seq }) => seq >= phase.firstLine));
}

/** A name at the beginning, such as package.json, stays as it is written. */
function lastLine({ message }: SlipwayError): string {
  return /^[a-z]+[ ,:]/.test(message) ? message.charAt(0).toUpperCase() + message.slice(1) : message;
}
