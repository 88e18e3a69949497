// Sources in SQLite: the record of each uploaded archive.

import type { Source, SourceStore } from "@slipway/core";
import { time } from "./columns.ts";
import type { Database, Transaction } from "./database.ts";
import { checkAdded } from "./usage.ts";

interface SourceRow {
  id: string;
  owner_id: string;
  created_at: number;
  expires_at: number;
  size_bytes: number | null;
}

export const sourceQueries = {
  expired: "SELECT * FROM sources WHERE expires_at < ? ORDER BY expires_at LIMIT ?",
} as const;

export function sourceStore(database: Database): SourceStore {
  return {
    create: (source, quotas) =>
      database.write((transaction) => {
        if (sourceIn(transaction, source.id) !== null) return;
        checkAdded(transaction, { ownerId: source.ownerId, quotas }, { sources: 1 });
        transaction.run(
          `INSERT INTO sources (id, owner_id, created_at, expires_at, size_bytes) VALUES (?, ?, ?, ?, ?)`,
          source.id,
          source.ownerId,
          source.createdAt.getTime(),
          source.expiresAt.getTime(),
          source.sizeBytes,
        );
      }),
    get: (id) => database.read((transaction) => sourceIn(transaction, id)),
    complete: (id, sizeBytes, quotas) =>
      database.write((transaction) => {
        const source = sourceIn(transaction, id);
        if (source === null || source.sizeBytes !== null) return false;
        checkAdded(transaction, { ownerId: source.ownerId, quotas }, { sourceBytes: sizeBytes });
        return transaction.run("UPDATE sources SET size_bytes = ? WHERE id = ?", sizeBytes, id) === 1;
      }),
    expired: (before, limit) =>
      database.read((transaction) =>
        transaction.all<SourceRow>(sourceQueries.expired, before.getTime(), limit).map(sourceFrom),
      ),
    remove: (id) =>
      database.write((transaction) => {
        transaction.run("DELETE FROM sources WHERE id = ?", id);
      }),
  };
}

function sourceIn(transaction: Transaction, id: string): Source | null {
  const [row] = transaction.all<SourceRow>("SELECT * FROM sources WHERE id = ?", id);
  return row === undefined ? null : sourceFrom(row);
}

function sourceFrom(row: SourceRow): Source {
  return {
    id: row.id,
    ownerId: row.owner_id,
    createdAt: time(row.created_at),
    expiresAt: time(row.expires_at),
    sizeBytes: row.size_bytes,
  };
}
