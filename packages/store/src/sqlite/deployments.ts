// Deployments in SQLite: the lanes, the one running deployment of an app, and compare-and-set.

import { queuedDeployment } from "@slipway/core";
import type {
  Admission,
  Deployment,
  DeploymentStore,
  DeploymentSummary,
  NewDeployment,
  PageRequest,
} from "@slipway/core";
import { numberedPage } from "../numbered-page.ts";
import { boundLimit } from "./columns.ts";
import type { Database, Transaction, Value } from "./database.ts";
import {
  changeableColumns,
  changeableValues,
  deploymentFrom,
  summaryFrom,
  fixedColumns,
  fixedValues,
} from "./deployment-row.ts";
import type { DeploymentRow, SummaryRow } from "./deployment-row.ts";
import { falseWhenTaken } from "./failures.ts";
import { entryFrom, headsFrom } from "./lane-entry.ts";
import type { EntryRow } from "./lane-entry.ts";
import { running } from "./running.ts";
import { searchDeployments } from "./search-deployments.ts";

/** A deployment of an earlier release needs no slot of its owner. */
const needsSlot = "source_release_id IS NULL";
const entryColumns = `id, app_id, CASE WHEN ${needsSlot} THEN owner_id END AS owner_id, attempt, revision, created_at`;
const summaryColumns = "deployments.id, app_id, status, git_ref, created_at, finished_at";
const columns = [...fixedColumns, ...changeableColumns];

export const deploymentQueries = {
  byId: "SELECT * FROM deployments WHERE id = ?",
  lastNumber: "SELECT max(number) AS number FROM deployments WHERE app_id = ?",
  completeFrom: "SELECT complete_from FROM deployment_floors WHERE app_id = ?",
  leftOver: "SELECT count(*) AS count FROM deployments WHERE app_id = ? AND number < ?",
  page: "SELECT * FROM deployments WHERE app_id = ? AND number < ? ORDER BY number DESC LIMIT ? OFFSET ?",
  oldest: `SELECT * FROM deployments WHERE app_id = ?1 AND number <= ?2
    AND number >= coalesce((SELECT complete_from FROM deployment_floors WHERE app_id = ?1), 1)
    ORDER BY number LIMIT ?3`,
  before: "SELECT * FROM deployments WHERE app_id = ? AND number < ? ORDER BY number DESC LIMIT ?",
  queued: "SELECT * FROM deployments WHERE status = 'queued' ORDER BY created_at, id LIMIT ?",
  allQueuedCount: "SELECT count(*) AS count FROM deployments WHERE status = 'queued'",
  lane: `SELECT * FROM deployments WHERE app_id = ? AND status = 'queued' ORDER BY number ${boundLimit}`,
  queuedCount: "SELECT count(*) AS count FROM deployments WHERE app_id = ? AND status = 'queued'",
  running: `SELECT * FROM deployments WHERE app_id = ? AND ${running}`,
  allRunning: `SELECT * FROM deployments WHERE ${running} ORDER BY app_id`,
  runningEntries: `SELECT ${entryColumns} FROM deployments WHERE ${running} ORDER BY app_id`,
  // Columns beside an aggregate min() are taken from its row. Without the hint, SQLite reads all deployments once it has statistics.
  laneHeads: `SELECT ${entryColumns}, min(number) FROM deployments AS waiting INDEXED BY deployments_lane
    WHERE status = 'queued' AND app_id > ?
    AND NOT EXISTS (SELECT 1 FROM deployments WHERE app_id = waiting.app_id AND ${running})
    GROUP BY app_id ORDER BY app_id LIMIT ?`,
  runningOfOwner: `SELECT id FROM deployments WHERE owner_id = ? AND ${running} AND ${needsSlot}`,
  unsealed: `SELECT * FROM deployments WHERE finished_at IS NOT NULL AND log_sha256 IS NULL AND finished_at <= ?
    ORDER BY finished_at LIMIT ?`,
  // Two ranges of one index; with an OR, or a plain ORDER BY, SQLite would read all of the app's deployments.
  recent: `SELECT * FROM (
      SELECT * FROM deployments WHERE app_id = ?1 AND finished_at IS NULL
      UNION ALL SELECT * FROM deployments WHERE app_id = ?1 AND finished_at >= ?2
    ) ORDER BY +number`,
  appsWithRecent: `SELECT value AS app_id FROM json_each(?1)
    WHERE EXISTS (SELECT 1 FROM deployments WHERE app_id = value AND finished_at IS NULL)
    OR EXISTS (SELECT 1 FROM deployments WHERE app_id = value AND finished_at >= ?2)`,
  latest: `SELECT ${summaryColumns} FROM deployments, json_each(?) WHERE app_id = value
    AND number = (SELECT max(number) FROM deployments WHERE app_id = value)`,
  usesSource: "SELECT 1 FROM deployments WHERE source_id = ? AND finished_at IS NULL LIMIT 1",
} as const;

const commands = {
  insert: `INSERT INTO deployments (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  update: `UPDATE deployments SET ${changeableColumns.map((column) => `${column} = ?`).join(", ")}
    WHERE id = ? AND revision = ?`,
  raiseFloor: `INSERT INTO deployment_floors (app_id, complete_from) VALUES (?, ?)
    ON CONFLICT (app_id) DO UPDATE SET complete_from = max(complete_from, excluded.complete_from)`,
  remove: "DELETE FROM deployments WHERE app_id = ? AND id IN (SELECT value FROM json_each(?))",
} as const;

export function deploymentStore(database: Database): DeploymentStore {
  const many = async (sql: string, ...values: Value[]) =>
    (await database.query<DeploymentRow>(sql, ...values)).map(deploymentFrom);
  return {
    create: (request, admission) => database.write((transaction) => create(transaction, request, admission)),
    get: async (id) => (await many(deploymentQueries.byId, id))[0] ?? null,
    list: (appId, page) => database.read((transaction) => pageOf(transaction, appId, page)),
    search: (wanted, page) => database.read((transaction) => searchDeployments(transaction, wanted, page)),
    oldest: (appId, { kept, limit }) =>
      database.read((transaction) =>
        transaction
          .all<DeploymentRow>(deploymentQueries.oldest, appId, lastNumber(transaction, appId) - kept, limit)
          .map(deploymentFrom),
      ),
    removeOld: (appId, ids, completeFrom) =>
      database.write((transaction) => {
        transaction.run(commands.raiseFloor, appId, completeFrom);
        transaction.run(commands.remove, appId, JSON.stringify(ids));
      }),
    before: (appId, number, limit) => many(deploymentQueries.before, appId, number, limit),
    queued: (limit) =>
      database.read((transaction) => ({
        deployments: transaction.all<DeploymentRow>(deploymentQueries.queued, limit).map(deploymentFrom),
        totalCount: count(transaction, deploymentQueries.allQueuedCount),
      })),
    lane: (appId, limit) => many(deploymentQueries.lane, appId, limit),
    running: async (appId) => (await many(deploymentQueries.running, appId))[0] ?? null,
    allRunning: () => many(deploymentQueries.allRunning),
    runningEntries: async () =>
      (await database.query<EntryRow>(deploymentQueries.runningEntries)).map(entryFrom),
    laneHeads: async (after, limit) =>
      headsFrom(await database.query<EntryRow>(deploymentQueries.laneHeads, after, limit), limit),
    runningOfOwner: async (ownerId) =>
      (await database.query<{ id: string }>(deploymentQueries.runningOfOwner, ownerId)).map(({ id }) => id),
    unsealed: (until, limit) => many(deploymentQueries.unsealed, until.getTime(), limit),
    recent: (appId, since) => many(deploymentQueries.recent, appId, since.getTime()),
    appsWithRecent: (appIds, since) =>
      database.read((transaction) => appsWithRecent(transaction, appIds, since)),
    latest: (appIds) => database.read((transaction) => latest(transaction, appIds)),
    usesSource: async (sourceId) => (await database.query(deploymentQueries.usesSource, sourceId)).length > 0,
    compareAndSet: (next) => compareAndSet(database, next),
    removeOfApp: (appId) =>
      database.write((transaction) => {
        transaction.run("DELETE FROM deployments WHERE app_id = ?", appId);
        transaction.run("DELETE FROM deployment_floors WHERE app_id = ?", appId);
      }),
  };
}

function appsWithRecent(transaction: Transaction, appIds: readonly string[], since: Date): string[] {
  const apps = JSON.stringify(appIds);
  return transaction
    .all<{ app_id: string }>(deploymentQueries.appsWithRecent, apps, since.getTime())
    .map((row) => row.app_id);
}

function latest(transaction: Transaction, appIds: readonly string[]): DeploymentSummary[] {
  return transaction.all<SummaryRow>(deploymentQueries.latest, JSON.stringify(appIds)).map(summaryFrom);
}

/** The write lock is held before the number is read, so no other create can get the same number. */
function create(transaction: Transaction, request: NewDeployment, admission?: Admission): Deployment {
  const stored = byId(transaction, request.id);
  if (stored !== null) return stored;
  admission?.({
    queuedCount: count(transaction, deploymentQueries.queuedCount, request.appId),
    hasRunning: transaction.all(deploymentQueries.running, request.appId).length > 0,
  });
  const deployment = queuedDeployment(request, lastNumber(transaction, request.appId) + 1);
  transaction.run(commands.insert, ...fixedValues(deployment), ...changeableValues(deployment));
  return deployment;
}

function compareAndSet(database: Database, next: Deployment): Promise<boolean> {
  // The only unique index that a change can violate allows one running deployment per app.
  return falseWhenTaken(
    database.write(
      (transaction) =>
        transaction.run(commands.update, ...changeableValues(next), next.id, next.revision - 1) === 1,
    ),
  );
}

function byId(transaction: Transaction, id: string): Deployment | null {
  const [row] = transaction.all<DeploymentRow>(deploymentQueries.byId, id);
  return row === undefined ? null : deploymentFrom(row);
}

function pageOf(transaction: Transaction, appId: string, page: PageRequest) {
  const [floor] = transaction.all<{ complete_from: number }>(deploymentQueries.completeFrom, appId);
  const completeFrom = floor?.complete_from ?? 1;
  const last = lastNumber(transaction, appId);
  const leftOver = count(transaction, deploymentQueries.leftOver, appId, completeFrom);
  const { totalCount, start } = numberedPage({ last, completeFrom, leftOver }, page);
  const rows =
    start === null
      ? []
      : transaction.all<DeploymentRow>(deploymentQueries.page, appId, start.below, page.perPage, start.skip);
  return { deployments: rows.map(deploymentFrom), totalCount };
}

function lastNumber(transaction: Transaction, appId: string): number {
  return transaction.all<{ number: number | null }>(deploymentQueries.lastNumber, appId)[0]?.number ?? 0;
}

function count(transaction: Transaction, sql: string, ...values: Value[]): number {
  return transaction.all<{ count: number }>(sql, ...values)[0]?.count ?? 0;
}
