// Operations in SQLite: pending ones in an app's lane beside its deployments, and the running one.

import type { Operation, OperationKind, OperationStatus, OperationStore, OwnerQuotas } from "@slipway/core";
import { boundLimit, millis, optionalTime, time } from "./columns.ts";
import type { Database, Value } from "./database.ts";
import { conflictWhenTaken, falseWhenTaken } from "./failures.ts";
import { headsFrom } from "./lane-entry.ts";
import type { EntryRow } from "./lane-entry.ts";
import { checkAdded, containersOf } from "./usage.ts";

interface OperationRow {
  id: string;
  app_id: string;
  kind: string;
  web_count: number | null;
  status: string;
  failure: string | null;
  attempt: number;
  revision: number;
  requested_by: string;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
}

export const operationQueries = {
  pending: `SELECT * FROM operations WHERE app_id = ? AND status = 'pending' ORDER BY created_at, id ${boundLimit}`,
  running: "SELECT * FROM operations WHERE app_id = ? AND status = 'running'",
  allRunning: "SELECT * FROM operations WHERE status = 'running' ORDER BY app_id",
  laneHeads: `SELECT id, app_id, attempt, revision, created_at FROM operations AS head INDEXED BY operations_lane
    WHERE status = 'pending' AND app_id > ?
    AND NOT EXISTS (SELECT 1 FROM operations WHERE app_id = head.app_id AND status = 'running')
    AND NOT EXISTS (SELECT 1 FROM operations AS earlier WHERE earlier.app_id = head.app_id AND earlier.status = 'pending'
      AND (earlier.created_at, earlier.id) < (head.created_at, head.id))
    ORDER BY app_id LIMIT ?`,
  waitingApps: `SELECT DISTINCT app_id FROM operations AS waiting WHERE status = 'pending'
    AND NOT EXISTS (SELECT 1 FROM operations WHERE app_id = waiting.app_id AND status = 'running')`,
  removeEnded: "DELETE FROM operations WHERE finished_at < ?",
  removeOfApp: "DELETE FROM operations WHERE app_id = ?",
} as const;

const commands = {
  insert: `INSERT INTO operations (id, app_id, kind, web_count, requested_by, created_at, status, failure, attempt,
      revision, started_at, finished_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  update: `UPDATE operations SET status = ?, failure = ?, attempt = ?, revision = ?, started_at = ?, finished_at = ?
    WHERE id = ? AND revision = ?`,
} as const;

export function operationStore(database: Database): OperationStore {
  const many = async (sql: string, ...values: Value[]) =>
    (await database.query<OperationRow>(sql, ...values)).map(operationFrom);
  const run = (sql: string, value: Value) =>
    database.write((transaction) => {
      transaction.run(sql, value);
    });
  return {
    create: (operation, quota) =>
      conflictWhenTaken(insert(database, operation, quota), "the operation's id is taken"),
    get: async (id) => (await many("SELECT * FROM operations WHERE id = ?", id))[0] ?? null,
    pending: (appId, limit) => many(operationQueries.pending, appId, limit),
    running: async (appId) => (await many(operationQueries.running, appId))[0] ?? null,
    allRunning: () => many(operationQueries.allRunning),
    laneHeads: async (after, limit) =>
      headsFrom(await database.query<EntryRow>(operationQueries.laneHeads, after, limit), limit),
    waitingApps: async () =>
      (await database.query<{ app_id: string }>(operationQueries.waitingApps)).map((row) => row.app_id),
    compareAndSet: (next) => compareAndSet(database, next),
    removeEnded: (before) => run(operationQueries.removeEnded, before.getTime()),
    removeOfApp: (appId) => run(operationQueries.removeOfApp, appId),
  };
}

function insert(database: Database, operation: Operation, quota: OwnerQuotas | undefined): Promise<void> {
  const { appId, webCount } = operation;
  return database.write((transaction) => {
    if (quota !== undefined) {
      const containers = (webCount ?? 0) - containersOf(transaction, appId);
      checkAdded(transaction, quota, { containers });
    }
    transaction.run(
      commands.insert,
      operation.id,
      operation.appId,
      operation.kind,
      operation.webCount,
      operation.requestedBy,
      operation.createdAt.getTime(),
      ...changeable(operation),
    );
  });
}

function compareAndSet(database: Database, next: Operation): Promise<boolean> {
  // The only unique index that a change can violate allows one running operation per app.
  return falseWhenTaken(
    database.write(
      (transaction) =>
        transaction.run(commands.update, ...changeable(next), next.id, next.revision - 1) === 1,
    ),
  );
}

function changeable(operation: Operation): Value[] {
  return [
    operation.status,
    operation.failure === null ? null : JSON.stringify(operation.failure),
    operation.attempt,
    operation.revision,
    millis(operation.startedAt),
    millis(operation.finishedAt),
  ];
}

function operationFrom(row: OperationRow): Operation {
  return {
    id: row.id,
    appId: row.app_id,
    kind: row.kind as OperationKind,
    webCount: row.web_count,
    status: row.status as OperationStatus,
    failure: row.failure === null ? null : (JSON.parse(row.failure) as Operation["failure"]),
    attempt: row.attempt,
    revision: row.revision,
    requestedBy: row.requested_by,
    createdAt: time(row.created_at),
    startedAt: optionalTime(row.started_at),
    finishedAt: optionalTime(row.finished_at),
  };
}
