// Deployments' logs in SQLite, in chunks of consecutive lines.

import type { LogChunk, LogStore } from "@slipway/core";
import { time } from "./columns.ts";
import type { Database, Transaction } from "./database.ts";

interface ChunkRow {
  deployment_id: string;
  first_seq: number;
  line_count: number;
  attempt: number;
  text: string;
  at: number;
}

/** A long log is deleted in several transactions, so that other writes do not wait for all of it. */
const chunksPerRemoval = 200;

export const logQueries = {
  newer: "SELECT 1 FROM log_chunks WHERE deployment_id = ? AND attempt > ? LIMIT 1",
  at: "SELECT attempt FROM log_chunks WHERE deployment_id = ? AND first_seq = ?",
  read: `SELECT * FROM log_chunks WHERE deployment_id = ?1
      AND first_seq >= coalesce((SELECT max(first_seq) FROM log_chunks WHERE deployment_id = ?1 AND first_seq <= ?2), 0)
      AND first_seq + line_count > ?2
    ORDER BY first_seq LIMIT ?3`,
  last: `SELECT first_seq + line_count - 1 AS seq FROM log_chunks
    WHERE deployment_id = ? ORDER BY first_seq DESC LIMIT 1`,
  some: "SELECT rowid FROM log_chunks WHERE deployment_id = ? LIMIT ?",
} as const;

export function logStore(database: Database): LogStore {
  return {
    append: (chunk) => database.write((transaction) => append(transaction, chunk)),
    read: (deploymentId, fromSeq, limit) =>
      database.read((transaction) =>
        transaction.all<ChunkRow>(logQueries.read, deploymentId, fromSeq, limit).map(chunkFrom),
      ),
    lastSeq: (deploymentId) =>
      database.read(
        (transaction) => transaction.all<{ seq: number }>(logQueries.last, deploymentId)[0]?.seq ?? 0,
      ),
    remove: async (deploymentIds) => {
      for (const id of deploymentIds) await removeLog(database, id);
    },
  };
}

function append(transaction: Transaction, chunk: LogChunk): boolean {
  const { deploymentId, firstSeq, attempt } = chunk;
  if (transaction.all(logQueries.newer, deploymentId, attempt).length > 0) return false;
  const [standing] = transaction.all<{ attempt: number }>(logQueries.at, deploymentId, firstSeq);
  if (standing?.attempt === attempt) return true;
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

/** What an older attempt wrote from this line on was cut otherwise, and would be read beside the newer's lines. */
function removeOutlived(transaction: Transaction, { deploymentId, firstSeq, attempt }: LogChunk): void {
  transaction.run(
    "DELETE FROM log_chunks WHERE deployment_id = ? AND first_seq >= ? AND attempt < ?",
    deploymentId,
    firstSeq,
    attempt,
  );
}

async function removeLog(database: Database, deploymentId: string): Promise<void> {
  const removeSome = (transaction: Transaction) =>
    transaction.run(
      `DELETE FROM log_chunks WHERE rowid IN (${logQueries.some})`,
      deploymentId,
      chunksPerRemoval,
    );
  while ((await database.write(removeSome)) === chunksPerRemoval);
}

function chunkFrom(row: ChunkRow): LogChunk {
  return {
    deploymentId: row.deployment_id,
    attempt: row.attempt,
    firstSeq: row.first_seq,
    lineCount: row.line_count,
    text: row.text,
    at: time(row.at),
  };
}
