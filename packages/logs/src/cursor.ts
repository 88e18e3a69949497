// How far one follower is with one deployment: which lines and statuses it has, and which status may come next.

import { isFinal } from "@slipway/core";
import type { Deployment, StatusChange } from "@slipway/core";

export interface Cursor {
  /** Sequence number of the next line to send. */
  nextSeq: number;
  /** How many entries of the deployment's history were sent. */
  statusesSent: number;
}

/** For how long the end of a deployment is held back for lines, or for the closing of its log, that never come. */
const patience = { lineMs: 30_000, sealMs: 15_000 } as const;

/** What stands in front of the next status. */
export interface NextStatus {
  readonly change: StatusChange;
  /** It comes after this line; lines up to it are sent before. */
  readonly afterSeq: number;
}

/**
 * The next status to send, as soon as the lines before it are sent; null when all are sent, or its place is not known yet.
 * @param finalForMs for how long the deployment has been known to be final.
 */
export function nextStatus(deployment: Deployment, cursor: Cursor, finalForMs: number): NextStatus | null {
  const change = deployment.history[cursor.statusesSent];
  if (change === undefined) return null;
  if (!isFinal(change.status)) {
    // a log that lost lines may have ended before it reached that number
    const bound = deployment.logLineCount ?? Number.POSITIVE_INFINITY;
    return { change, afterSeq: Math.min(change.lineCount ?? 0, bound) };
  }
  if (deployment.logLineCount !== null) {
    return { change, afterSeq: finalForMs > patience.lineMs ? 0 : deployment.logLineCount };
  }
  const logNeverOpened = deployment.attempt === 0 && change.lineCount === 0;
  return logNeverOpened || finalForMs > patience.sealMs ? { change, afterSeq: 0 } : null;
}

/** Whether everything there is to say about the deployment was sent. */
export function isDone(deployment: Deployment, cursor: Cursor): boolean {
  return isFinal(deployment.status) && cursor.statusesSent >= deployment.history.length;
}
