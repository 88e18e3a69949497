// One follower's position in one deployment: the lines and statuses already sent, and the next status.

import { isFinal } from "@slipway/core";
import type { Deployment, StatusChange } from "@slipway/core";

export interface Cursor {
  /** Number of the next line to send. */
  nextSeq: number;
  /** The newest attempt whose takeover of the log was compared with the sent lines; null before the first comparison. */
  attempt: number | null;
  /** Number of statuses of the deployment's history already sent. */
  statusesSent: number;
  /** Whether the deployment needs no `new` event, or one was sent. */
  announced: boolean;
  /** Set while the deployment has ended and line `nextSeq` is missing. */
  missing: { readonly since: Date; readonly nextSeq: number } | null;
  /** Set after a time-out of the wait for missing lines: statuses are sent without them. */
  timedOut: boolean;
}

/** Maximum delay of a final status because of missing lines, or of an unsealed log. */
const timeouts = { missingLineMs: 30_000, sealMs: 15_000 } as const;

export interface NextStatus {
  readonly change: StatusChange;
  /** Number of the line that precedes the status. */
  readonly afterSeq: number;
}

/** A follower's new cursor, at the first line unless `from` sets another position. */
export function newCursor(from: Partial<Cursor> = {}): Cursor {
  return {
    nextSeq: 1,
    attempt: null,
    statusesSent: 0,
    announced: true,
    missing: null,
    timedOut: false,
    ...from,
  };
}

/** @returns the next status, to be sent after its lines; null when all were sent, or its line number is not known yet. */
export function nextStatus(deployment: Deployment, cursor: Cursor): NextStatus | null {
  const change = deployment.history[cursor.statusesSent];
  if (change === undefined) return null;
  if (cursor.timedOut) return { change, afterSeq: 0 };
  if (!isFinal(change.status)) {
    // A log that lost lines may end before this number.
    const lineCount = deployment.logLineCount ?? Number.POSITIVE_INFINITY;
    return { change, afterSeq: Math.min(change.lineCount ?? 0, lineCount) };
  }
  if (deployment.logLineCount !== null) return { change, afterSeq: deployment.logLineCount };
  const logNeverOpened = deployment.attempt === 0 && change.lineCount === 0;
  return logNeverOpened ? { change, afterSeq: 0 } : null;
}

/**
 * Records that every available line was sent. The timeout for missing lines of a finished deployment starts here, so that
 * the time for reading and sending available lines does not count.
 */
export function recordCaughtUp(deployment: Deployment, cursor: Cursor, now: Date): void {
  if (!isFinal(deployment.status) || isDone(deployment, cursor)) return;
  if (cursor.missing?.nextSeq !== cursor.nextSeq) cursor.missing = { since: now, nextSeq: cursor.nextSeq };
  const missingForMs = now.getTime() - cursor.missing.since.getTime();
  const timeoutMs = deployment.logLineCount === null ? timeouts.sealMs : timeouts.missingLineMs;
  cursor.timedOut = missingForMs > timeoutMs;
}

/** Whether all lines and statuses of a finished deployment were sent. */
export function isDone(deployment: Deployment, cursor: Cursor): boolean {
  return isFinal(deployment.status) && cursor.statusesSent >= deployment.history.length;
}
