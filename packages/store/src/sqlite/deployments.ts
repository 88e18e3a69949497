// Deployments in SQLite: the lanes, the one running deployment of an app, and compare-and-set.

import { queuedDeployment, runningStatuses } from "@slipway/core";
import type { Admission, Deployment, DeploymentStore, NewDeployment, PageRequest } from "@slipway/core";
import type { Database, Transaction, Value } from "./database.ts";
import {
  changeableColumns,
  changeableValues,
  deploymentFrom,
  fixedColumns,
  fixedValues,
} from "./deployment-row.ts";
import type { DeploymentRow } from "./deployment-row.ts";
import { falseWhenTaken } from "./failures.ts";

/** Spelled as in the partial indexes: SQLite uses one only where the query repeats its condition. */
const running = `status IN (${runningStatuses.map((status) => `'${status}'`).join(", ")})`;
const columns = [...fixedColumns, ...changeableColumns];

export const deploymentQueries = {
  lastNumber: "SELECT max(number) AS number FROM deployments WHERE app_id = ?",
  page: "SELECT * FROM deployments WHERE app_id = ? ORDER BY number DESC LIMIT ? OFFSET ?",
  count: "SELECT count(*) AS count FROM deployments WHERE app_id = ?",
  lane: "SELECT * FROM deployments WHERE app_id = ? AND status = 'queued' ORDER BY number LIMIT ?",
  queuedCount: "SELECT count(*) AS count FROM deployments WHERE app_id = ? AND status = 'queued'",
  running: `SELECT * FROM deployments WHERE app_id = ? AND ${running}`,
  allRunning: `SELECT * FROM deployments WHERE ${running} ORDER BY app_id`,
  waitingApps: `SELECT DISTINCT app_id FROM deployments AS waiting WHERE status = 'queued'
    AND NOT EXISTS (SELECT 1 FROM deployments WHERE app_id = waiting.app_id AND ${running})`,
  runningOfOwner: `SELECT id FROM deployments WHERE owner_id = ? AND ${running}`,
  // Two ranges of one index; an OR, or a plain ORDER BY, has SQLite read all the app ever had.
  recent: `SELECT * FROM (
      SELECT * FROM deployments WHERE app_id = ?1 AND finished_at IS NULL
      UNION ALL SELECT * FROM deployments WHERE app_id = ?1 AND finished_at >= ?2
    ) ORDER BY +number`,
  usesSource: "SELECT 1 FROM deployments WHERE source_id = ? AND finished_at IS NULL LIMIT 1",
} as const;

const commands = {
  insert: `INSERT INTO deployments (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  update: `UPDATE deployments SET ${changeableColumns.map((column) => `${column} = ?`).join(", ")}
    WHERE id = ? AND revision = ?`,
} as const;

export function deploymentStore(database: Database): DeploymentStore {
  const many = (sql: string, ...values: Value[]) =>
    database.read((transaction) => transaction.all<DeploymentRow>(sql, ...values).map(deploymentFrom));
  return {
    create: (request, admission) => database.write((transaction) => create(transaction, request, admission)),
    get: (id) => database.read((transaction) => byId(transaction, id)),
    list: (appId, page) => database.read((transaction) => pageOf(transaction, appId, page)),
    lane: (appId, limit) => many(deploymentQueries.lane, appId, limit),
    running: async (appId) => (await many(deploymentQueries.running, appId))[0] ?? null,
    allRunning: () => many(deploymentQueries.allRunning),
    waitingApps: () =>
      database.read((transaction) =>
        transaction.all<{ app_id: string }>(deploymentQueries.waitingApps).map((row) => row.app_id),
      ),
    runningOfOwner: (ownerId) =>
      database.read((transaction) =>
        transaction.all<{ id: string }>(deploymentQueries.runningOfOwner, ownerId).map(({ id }) => id),
      ),
    recent: (appId, since) => many(deploymentQueries.recent, appId, since.getTime()),
    usesSource: (sourceId) =>
      database.read((transaction) => transaction.all(deploymentQueries.usesSource, sourceId).length > 0),
    compareAndSet: (next) => compareAndSet(database, next),
    removeOfApp: (appId) =>
      database.write((transaction) => {
        transaction.run("DELETE FROM deployments WHERE app_id = ?", appId);
      }),
  };
}

/** The write lock is held before the number is read, so no other create can get it. */
function create(transaction: Transaction, request: NewDeployment, admission?: Admission): Deployment {
  const stored = byId(transaction, request.id);
  if (stored !== null) return stored;
  admission?.({
    queuedCount: count(transaction, deploymentQueries.queuedCount, request.appId),
    hasRunning: transaction.all(deploymentQueries.running, request.appId).length > 0,
  });
  const [last] = transaction.all<{ number: number | null }>(deploymentQueries.lastNumber, request.appId);
  const deployment = queuedDeployment(request, (last?.number ?? 0) + 1);
  transaction.run(commands.insert, ...fixedValues(deployment), ...changeableValues(deployment));
  return deployment;
}

function compareAndSet(database: Database, next: Deployment): Promise<boolean> {
  // The only unique index a change can meet is the one that allows one running deployment an app.
  return falseWhenTaken(
    database.write(
      (transaction) =>
        transaction.run(commands.update, ...changeableValues(next), next.id, next.revision - 1) === 1,
    ),
  );
}

function byId(transaction: Transaction, id: string): Deployment | null {
  const [row] = transaction.all<DeploymentRow>("SELECT * FROM deployments WHERE id = ?", id);
  return row === undefined ? null : deploymentFrom(row);
}

function pageOf(transaction: Transaction, appId: string, { page, perPage }: PageRequest) {
  const rows = transaction.all<DeploymentRow>(deploymentQueries.page, appId, perPage, (page - 1) * perPage);
  return {
    deployments: rows.map(deploymentFrom),
    totalCount: count(transaction, deploymentQueries.count, appId),
  };
}

function count(transaction: Transaction, sql: string, value: string): number {
  return transaction.all<{ count: number }>(sql, value)[0]?.count ?? 0;
}
