// Lane work as the reconciler reads it, from SQLite rows.

import type { LaneEntry, LaneHeads } from "@slipway/core";
import { time } from "./columns.ts";

export interface EntryRow {
  id: string;
  app_id: string;
  /** Missing for operations. */
  owner_id?: string | null;
  attempt: number;
  revision: number;
  created_at: number;
}

export function entryFrom(row: EntryRow): LaneEntry {
  const { id, app_id: appId, owner_id: ownerId = null, attempt, revision, created_at: createdAt } = row;
  return { id, appId, ownerId, attempt, revision, createdAt: time(createdAt) };
}

/** @param rows the heads that a query with this limit returned. */
export function headsFrom(rows: readonly EntryRow[], limit: number): LaneHeads {
  const last = rows.length < limit ? undefined : rows.at(-1);
  return { heads: rows.map(entryFrom), next: last?.app_id ?? null };
}
