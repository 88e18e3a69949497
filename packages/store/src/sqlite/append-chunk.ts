// Appends a chunk of a log, unless a newer attempt has appended.

import type { LogChunk } from "@slipway/core";
import type { Transaction } from "./database.ts";

export const appendQueries = {
  newer: "SELECT 1 FROM log_chunks WHERE deployment_id = ? AND attempt > ? LIMIT 1",
  at: "SELECT attempt FROM log_chunks WHERE deployment_id = ? AND first_seq = ?",
} as const;

/** @returns false when a newer attempt has appended. See `LogStore.append`. */
export function appendChunk(transaction: Transaction, chunk: LogChunk): boolean {
  const { deploymentId, firstSeq, attempt } = chunk;
  if (transaction.all(appendQueries.newer, deploymentId, attempt).length > 0) return false;
  const [stored] = transaction.all<{ attempt: number }>(appendQueries.at, deploymentId, firstSeq);
  if (stored?.attempt === attempt) return true;
  removeOutlived(transaction, chunk);
  transaction.run(
    "INSERT INTO log_chunks (deployment_id, first_seq, line_count, attempt, text, at) VALUES (?, ?, ?, ?, ?, ?)",
    deploymentId,
    firstSeq,
    chunk.lineCount,
    attempt,
    chunk.text,
    chunk.at.getTime(),
  );
  return true;
}

/** An older attempt split its lines differently: its chunks from this line on would be read in addition to the newer ones. */
function removeOutlived(transaction: Transaction, { deploymentId, firstSeq, attempt }: LogChunk): void {
  transaction.run(
    "DELETE FROM log_chunks WHERE deployment_id = ? AND first_seq >= ? AND attempt < ?",
    deploymentId,
    firstSeq,
    attempt,
  );
}
