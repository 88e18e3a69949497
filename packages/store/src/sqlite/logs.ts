// Deployments' logs in SQLite, in chunks of consecutive lines.

import type { LogChunk, LogStore } from "@slipway/core";
import { boundLimit, time } from "./columns.ts";
import { appendChunk } from "./append-chunk.ts";
import type { Database, Transaction } from "./database.ts";
import type { LogThread } from "./log-thread.ts";

interface ChunkRow {
  deployment_id: string;
  first_seq: number;
  line_count: number;
  attempt: number;
  text: string;
  at: number;
}

/** A long log is deleted in several transactions, so that other writes do not wait for the whole deletion. */
const chunksPerRemoval = 200;

export const logQueries = {
  read: `SELECT * FROM log_chunks WHERE deployment_id = ?1
      AND first_seq >= coalesce((SELECT max(first_seq) FROM log_chunks WHERE deployment_id = ?1 AND first_seq <= ?2), 0)
      AND first_seq + line_count > ?2
    ORDER BY first_seq ${boundLimit}`,
  last: `SELECT first_seq + line_count - 1 AS seq FROM log_chunks
    WHERE deployment_id = ? ORDER BY first_seq DESC LIMIT 1`,
  some: "SELECT rowid FROM log_chunks WHERE deployment_id = ? LIMIT ?",
} as const;

/** Smaller chunks, from quiet logs, share a commit with other writes. Larger ones are stored by a thread. */
const minThreadChars = 64 * 1024;

export function logStore(database: Database, thread: Pick<LogThread, "append">): LogStore {
  return {
    append: (chunk) =>
      chunk.text.length < minThreadChars
        ? database.write((transaction) => appendChunk(transaction, chunk))
        : thread.append(chunk),
    read: async (deploymentId, fromSeq, limit) =>
      (await database.query<ChunkRow>(logQueries.read, deploymentId, fromSeq, limit)).map(chunkFrom),
    lastSeq: async (deploymentId) =>
      (await database.query<{ seq: number }>(logQueries.last, deploymentId))[0]?.seq ?? 0,
    remove: async (deploymentIds) => {
      for (const id of deploymentIds) await removeLog(database, id);
    },
  };
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
