import { mkdtempDisposable } from "node:fs/promises";
import type { DisposableTempDir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { finalStatuses } from "@slipway/core";
import { appQueries } from "./apps.ts";
import { collaboratorQueries } from "./collaborators.ts";
import { Database } from "./database.ts";
import { deploymentQueries } from "./deployments.ts";
import { appendQueries } from "./append-chunk.ts";
import { logQueries } from "./logs.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";
import { operationQueries } from "./operations.ts";
import { notifierQueries } from "./notifiers.ts";
import { receiptQueries } from "./receipts.ts";
import { releaseQueries } from "./releases.ts";
import { searchQueries } from "./search-deployments.ts";
import { sourceQueries } from "./sources.ts";
import { usageQueries } from "./usage.ts";
import { userQueries } from "./users.ts";

/** Query → the index that it must use. */
const plans = [
  [deploymentQueries.lastNumber, "sqlite_autoindex_deployments_2"],
  [deploymentQueries.completeFrom, "sqlite_autoindex_deployment_floors_1"],
  [deploymentQueries.leftOver, "sqlite_autoindex_deployments_2 (app_id=? AND number<?)"],
  [deploymentQueries.page, "sqlite_autoindex_deployments_2 (app_id=? AND number<?)"],
  [deploymentQueries.oldest, "sqlite_autoindex_deployments_2 (app_id=? AND number>? AND number<?)"],
  [deploymentQueries.before, "sqlite_autoindex_deployments_2"],
  [searchQueries.byTime, "deployments_by_time (created_at>?)"],
  [searchQueries.byTimeCount, "deployments_by_time (created_at>?)"],
  [searchQueries.ofApps, "deployments_recent (app_id=?)"],
  [searchQueries.ofAppsCount, "deployments_recent (app_id=?)"],
  [searchQueries.byStatus(["success"]), "deployments_ended (status=? AND created_at>?)"],
  [searchQueries.byStatus(["build-error", "aborted"]), "deployments_ended (status=? AND created_at>?)"],
  [searchQueries.byStatus(["queued"]), "deployments_queued (created_at>?)"],
  [searchQueries.byStatusCount(["building"]), "deployments_running_of_owner"],
  [searchQueries.byStatusCount(finalStatuses), "deployments_ended (status=? AND created_at>?)"],
  [searchQueries.rows, "sqlite_autoindex_deployments_1 (id=?)"],
  [deploymentQueries.queued, "deployments_queued"],
  [deploymentQueries.allQueuedCount, "deployments_queued"],
  [deploymentQueries.lane, "deployments_lane"],
  [deploymentQueries.queuedCount, "deployments_lane"],
  [deploymentQueries.running, "deployments_one_running (app_id=?)"],
  [deploymentQueries.allRunning, "deployments_one_running"],
  [deploymentQueries.runningEntries, "deployments_one_running"],
  [deploymentQueries.laneHeads, "deployments_lane (app_id>?)"],
  [deploymentQueries.laneHeads, "deployments_one_running (app_id=?)"],
  [deploymentQueries.runningOfOwner, "deployments_running_of_owner"],
  [deploymentQueries.unsealed, "deployments_unsealed"],
  [deploymentQueries.recent, "deployments_recent (app_id=? AND finished_at=?)"],
  [deploymentQueries.recent, "deployments_recent (app_id=? AND finished_at>?)"],
  [deploymentQueries.appsWithRecent, "deployments_recent (app_id=? AND finished_at=?)"],
  [deploymentQueries.appsWithRecent, "deployments_recent (app_id=? AND finished_at>?)"],
  [deploymentQueries.latest, "sqlite_autoindex_deployments_2 (app_id=? AND number=?)"],
  [deploymentQueries.latest, "sqlite_autoindex_deployments_2 (app_id=?)"],
  [deploymentQueries.usesSource, "deployments_source"],
  [appQueries.byName, "apps_name"],
  [appQueries.ofAll.after, "apps_name (name>?)"],
  [appQueries.ofAll.page, "apps_name"],
  [appQueries.ofAll.count, "apps_name"],
  [appQueries.ofSome.after, "apps_of_owner (owner_id=?)"],
  [appQueries.ofSome.after, "sqlite_autoindex_apps_1 (id=?)"],
  [appQueries.ofSome.page, "sqlite_autoindex_apps_1 (id=?)"],
  [appQueries.ofSome.count, "sqlite_autoindex_apps_1 (id=?)"],
  [appQueries.deleted, "apps_deleted"],
  [appQueries.many, "sqlite_autoindex_apps_1"],
  [appQueries.ids, "sqlite_autoindex_apps_1 (id>?)"],
  [userQueries.many, "sqlite_autoindex_users_1 (id=?)"],
  [userQueries.byUsername, "sqlite_autoindex_users_2"],
  [userQueries.byEmail, "sqlite_autoindex_users_3"],
  [userQueries.page, "sqlite_autoindex_users_2"],
  [userQueries.countOperators, "users_operators"],
  [collaboratorQueries.find, "sqlite_autoindex_collaborators_2"],
  [collaboratorQueries.ofApp, "collaborators_of_app"],
  [collaboratorQueries.ofUser, "collaborators_of_user"],
  [notifierQueries.ofApp, "notifiers_of_app"],
  [notifierQueries.appIds, "notifiers_of_app"],
  [notifierQueries.deliveries, "deliveries_of_notifier"],
  [notifierQueries.deliveriesBefore, "deliveries_by_age"],
  [sourceQueries.expired, "sources_by_expiry"],
  [usageQueries.apps, "apps_of_owner"],
  [usageQueries.apps, "operations_of_app"],
  [usageQueries.containersOfApp, "sqlite_autoindex_apps_1"],
  [usageQueries.sources, "sources_of_owner"],
  [operationQueries.pending, "operations_lane"],
  [operationQueries.running, "operations_one_running (app_id=?)"],
  [operationQueries.allRunning, "operations_one_running"],
  [operationQueries.laneHeads, "operations_lane (app_id>?)"],
  [operationQueries.laneHeads, "operations_one_running (app_id=?)"],
  [operationQueries.waitingApps, "operations_lane"],
  [operationQueries.waitingApps, "operations_one_running (app_id=?)"],
  [operationQueries.removeEnded, "operations_ended"],
  [operationQueries.removeOfApp, "operations_of_app"],
  [receiptQueries.get, "sqlite_autoindex_receipts_1"],
  [receiptQueries.newestOf, "receipts_of_image"],
  [receiptQueries.removeOfDeployments, "sqlite_autoindex_receipts_1 (deployment_id=?)"],
  [receiptQueries.removeOfApp, "receipts_of_image"],
  [releaseQueries.byNumber, "sqlite_autoindex_releases_3"],
  [releaseQueries.ofApp, "sqlite_autoindex_releases_3"],
  [releaseQueries.ofDeployment, "sqlite_autoindex_releases_2"],
  [appendQueries.newer, "log_chunks_of_attempt (deployment_id=? AND attempt>?)"],
  [logQueries.read, "sqlite_autoindex_log_chunks_1 (deployment_id=? AND first_seq>?)"],
  [logQueries.last, "sqlite_autoindex_log_chunks_1"],
] as const;

/** The only queries that may sort: the rows of the replayed period, of some apps, or of a user's apps. */
const sorted = new Set<string>([
  deploymentQueries.recent,
  searchQueries.ofApps,
  appQueries.ofSome.after,
  appQueries.ofSome.page,
  appQueries.ofSome.count,
]);

let directory: DisposableTempDir;
let database: Database;
beforeAll(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
  database = await Database.open({ path: join(directory.path, "slipway.db") });
  await migrate(database, migrations, () => new Date());
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

test.each(plans)("%s uses the index %s", async (sql, index) => {
  const plan = await planOf(sql);
  expect(plan.map((step) => `${step} `)).toContainEqual(expect.stringContaining(`INDEX ${index} `));
  // A scan of an index that contains only matching rows is fine; a scan of the table is not.
  for (const step of plan) expect(step).not.toMatch(/^SCAN (?!\(|json_each|.*USING)/);
  expect(plan.includes("USE TEMP B-TREE FOR ORDER BY")).toBe(sorted.has(sql));
});

async function planOf(sql: string): Promise<string[]> {
  const numbered = [...sql.matchAll(/\?(\d)/g)].map((match) => Number(match[1]));
  const count = numbered.length > 0 ? Math.max(...numbered) : [...sql.matchAll(/\?/g)].length;
  const values = Array.from({ length: count }, () => 1);
  const steps = await database.read((transaction) =>
    transaction.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values),
  );
  return steps.map((step) => step.detail);
}
