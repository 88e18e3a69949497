// How far one follower is with one deployment: which lines and statuses it has, and which status may come next.

import { isFinal } from "@slipway/core";
import type { Deployment, StatusChange } from "@slipway/core";

export interface Cursor {
  /** Sequence number of the next line to send. */
  nextSeq: number;
  /** How many entries of the deployment's history were sent. */
  statusesSent: number;
  /** Whether the follower knows that there is such a deployment. */
  announced: boolean;
  /** Since when, and before which line, there is nothing to read although the deployment is over; null while there is. */
  stuck: { readonly since: Date; readonly nextSeq: number } | null;
  /** What is missing was waited for long enough: statuses wait for their lines no more. */
  givenUp: boolean;
}

/** For how long the end of a deployment is held back for lines, or for the closing of its log, that never come. */
const patience = { lineMs: 30_000, sealMs: 15_000 } as const;

/** What stands in front of the next status. */
export interface NextStatus {
  readonly change: StatusChange;
  /** It comes after this line; lines up to it are sent before. */
  readonly afterSeq: number;
}

export function newCursor(from: Partial<Cursor> = {}): Cursor {
  return { nextSeq: 1, statusesSent: 0, announced: true, stuck: null, givenUp: false, ...from };
}

/** The next status to send, as soon as the lines before it are sent; null when all are sent, or its place is not known yet. */
export function nextStatus(deployment: Deployment, cursor: Cursor): NextStatus | null {
  const change = deployment.history[cursor.statusesSent];
  if (change === undefined) return null;
  if (cursor.givenUp) return { change, afterSeq: 0 };
  if (!isFinal(change.status)) {
    // a log that lost lines may have ended before it reached that number
    const bound = deployment.logLineCount ?? Number.POSITIVE_INFINITY;
    return { change, afterSeq: Math.min(change.lineCount ?? 0, bound) };
  }
  if (deployment.logLineCount !== null) return { change, afterSeq: deployment.logLineCount };
  const logNeverOpened = deployment.attempt === 0 && change.lineCount === 0;
  return logNeverOpened ? { change, afterSeq: 0 } : null;
}

/**
 * Notes that all that can be read now was sent. The patience for what a deployment that is over still owes begins here: the time
 * that lines were there to be read, or that their taker took for them, does not count.
 */
export function noteNothingToRead(deployment: Deployment, cursor: Cursor, now: Date): void {
  if (!isFinal(deployment.status) || isDone(deployment, cursor)) return;
  if (cursor.stuck?.nextSeq !== cursor.nextSeq) cursor.stuck = { since: now, nextSeq: cursor.nextSeq };
  const stuckForMs = now.getTime() - cursor.stuck.since.getTime();
  cursor.givenUp = stuckForMs > (deployment.logLineCount === null ? patience.sealMs : patience.lineMs);
}

/** Whether everything there is to say about the deployment was sent. */
export function isDone(deployment: Deployment, cursor: Cursor): boolean {
  return isFinal(deployment.status) && cursor.statusesSent >= deployment.history.length;
}
