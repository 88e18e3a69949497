// Determines which lines of a log were replaced by a newer attempt.
//
// An attempt continues after the last line in the store or Redis. A killed worker may have published lines that were not stored; if
// Redis then loses its data, the next attempt reuses their numbers, and followers must drop them.

import type { Deployment, LogStore } from "@slipway/core";
import { lastSeqOf, linesTo } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

/** An attempt took over the log: its lines start after line `startsAfter`. */
export interface Takeover {
  readonly attempt: number;
  readonly startsAfter: number;
}

/** The known takeovers of a log. Attempts that store no status, such as one that only closes the log, may be missing. */
export interface Takeovers {
  /** The newest attempt among them; 0 for none. */
  readonly newest: number;
  readonly all: readonly Takeover[];
}

/** @param writer the attempt that owns the log in Redis, if it is known. */
export function takeoversOf(
  { history }: Pick<Deployment, "history">,
  writer: Takeover | undefined,
): Takeovers {
  const claims = history.flatMap(({ status, attempt, lineCount }) =>
    status === "building" && lineCount !== null ? [{ attempt, startsAfter: lineCount }] : [],
  );
  const all = writer === undefined ? claims : [...claims, writer];
  return { newest: Math.max(0, ...all.map(({ attempt }) => attempt)), all };
}

/**
 * @param attempt an attempt that wrote lines up to `seq`, or an older one.
 * @returns the number of the last line up to `seq` that no later attempt has replaced.
 */
export function keptSeq({ all }: Takeovers, attempt: number, seq: number): number {
  const newer = all.filter((takeover) => takeover.attempt > attempt);
  return Math.min(seq, ...newer.map(({ startsAfter }) => startsAfter));
}

/** @returns the lines of the batch that no newer attempt has replaced: the batch itself, its beginning, or undefined for none. */
export function keptLines(takeovers: Takeovers, batch: LineBatch): LineBatch | undefined {
  const { attempt = takeovers.newest, firstSeq } = batch;
  if (attempt >= takeovers.newest) return batch;
  const lastKept = keptSeq(takeovers, attempt, lastSeqOf(batch));
  return lastKept < firstSeq ? undefined : linesTo(batch, lastKept);
}

/**
 * The newest attempt whose lines a resuming client may have, derived from the statuses that it received. Without a status it has only
 * lines of the first attempt.
 */
export function attemptOfClient(
  { history }: Pick<Deployment, "history">,
  { all }: Takeovers,
  statusesSent: number,
): number {
  const first = Math.min(...all.map(({ attempt }) => attempt));
  const seen = history[statusesSent - 1]?.attempt ?? 0;
  return Number.isFinite(first) ? Math.max(first, seen) : seen;
}

/**
 * Like `keptSeq`, but from the store only. An attempt's chunks may begin with lines that it recovered from Redis, so the result may be
 * lower than necessary.
 */
export async function keptSeqInStore(
  logs: Pick<LogStore, "read" | "lastSeq">,
  deploymentId: string,
  { attempt, seq }: { readonly attempt: number; readonly seq: number },
): Promise<number> {
  let kept = Math.min(seq, await logs.lastSeq(deploymentId));
  while (kept > 0) {
    const [chunk] = await logs.read(deploymentId, kept, 1);
    if (chunk === undefined || chunk.attempt <= attempt) return kept;
    kept = chunk.firstSeq - 1;
  }
  return 0;
}
