// Searches the deployments of all apps in SQLite. Each kind of filter has a statement of its own, so that SQLite uses the right index.

import { deploymentStatuses, isFinal, isRunning, searchedDeployments } from "@slipway/core";
import type { Deployment, DeploymentFilter, DeploymentStatus, PageRequest } from "@slipway/core";
import { searchedPage } from "../searched-page.ts";
import { millis } from "./columns.ts";
import type { Transaction, Value } from "./database.ts";
import { deploymentFrom } from "./deployment-row.ts";
import type { DeploymentRow } from "./deployment-row.ts";
import { running } from "./running.ts";

/** The parameters of each statement: statuses and app ids as JSON, a time. Null for any value. */
const since = "created_at >= coalesce(?3, 0)";
const ofStatuses = "(?1 IS NULL OR status IN (SELECT value FROM json_each(?1)))";
const columns = "deployments.id, created_at";

/** The ids of matching deployments, by the condition that selects the index. The order of the joins is that of CROSS JOIN. */
const matching = {
  byTime: `SELECT ${columns} FROM deployments WHERE ${since}`,
  ofApps: `SELECT ${columns} FROM (SELECT DISTINCT value FROM json_each(?2))
    CROSS JOIN deployments ON app_id = value WHERE ${since} AND ${ofStatuses}`,
  /** One range of an index per status, which SQLite merges by time. Conditions as in the partial indexes. */
  byStatus: (statuses: readonly DeploymentStatus[]) =>
    statuses.map((status) => `SELECT ${columns} FROM deployments WHERE ${isIn(status)}`).join("\nUNION ALL "),
} as const;

export const searchQueries = {
  byTime: page(matching.byTime),
  byTimeCount: count(matching.byTime),
  ofApps: page(matching.ofApps),
  ofAppsCount: count(matching.ofApps),
  byStatus: (statuses: readonly DeploymentStatus[]) => page(matching.byStatus(statuses)),
  byStatusCount: (statuses: readonly DeploymentStatus[]) => count(matching.byStatus(statuses)),
  rows: "SELECT * FROM deployments WHERE id IN (SELECT value FROM json_each(?))",
} as const;

export function searchDeployments(
  transaction: Transaction,
  filter: DeploymentFilter,
  request: PageRequest,
): { deployments: Deployment[]; totalCount: number } {
  const values: Value[] = [
    filter.statuses === null ? null : JSON.stringify(filter.statuses),
    filter.appIds === null ? null : JSON.stringify(filter.appIds),
    millis(filter.since),
  ];
  const queries = queriesFor(filter);
  if (queries === null) return { deployments: [], totalCount: 0 };
  const [total] = transaction.all<{ count: number }>(queries.count, ...values);
  const window = searchedPage(request);
  const found =
    window === null
      ? []
      : transaction.all<{ id: string }>(queries.page, ...values, window.limit, window.skip);
  return { deployments: inOrder(transaction, found), totalCount: total?.count ?? 0 };
}

/** @returns null if no status is wanted. */
function queriesFor({ appIds, statuses }: DeploymentFilter) {
  if (appIds !== null) return { page: searchQueries.ofApps, count: searchQueries.ofAppsCount };
  if (statuses === null) return { page: searchQueries.byTime, count: searchQueries.byTimeCount };
  // In one order, so that the same statuses share a prepared statement.
  const wanted = deploymentStatuses.filter((status) => statuses.includes(status));
  if (wanted.length === 0) return null;
  return { page: searchQueries.byStatus(wanted), count: searchQueries.byStatusCount(wanted) };
}

/** The plus keeps SQLite from using the index by time: it reads all of the few running deployments instead. */
function isIn(status: DeploymentStatus): string {
  if (isRunning(status)) return `status = '${status}' AND ${running} AND +${since}`;
  return `status = '${status}'${isFinal(status) ? " AND finished_at IS NOT NULL" : ""} AND ${since}`;
}

/** Reads whole rows only for the page, not for the entries before it. */
function inOrder(transaction: Transaction, found: readonly { readonly id: string }[]): Deployment[] {
  if (found.length === 0) return [];
  const ids = JSON.stringify(found.map(({ id }) => id));
  const rows = transaction.all<DeploymentRow>(searchQueries.rows, ids).map(deploymentFrom);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return found.flatMap(({ id }) => byId.get(id) ?? []);
}

function page(ids: string): string {
  return `${ids} ORDER BY created_at DESC, id DESC LIMIT ?4 OFFSET ?5`;
}

function count(ids: string): string {
  return `SELECT count(*) AS count FROM (${ids} LIMIT ${searchedDeployments})`;
}
