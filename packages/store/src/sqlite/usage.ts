// Users' usage, in SQLite. A write checks it within its own transaction, so concurrent writes do not exceed a quota.

import { stat } from "node:fs/promises";
import { checkQuota } from "@slipway/core";
import type { Quotas, Usage, UsageStore } from "@slipway/core";
import type { Database, Transaction } from "./database.ts";
import { storeUnavailable } from "./failures.ts";

const containersOfApp = `max(web_count, coalesce((SELECT max(web_count) FROM operations
    WHERE app_id = apps.id AND status IN ('pending', 'running')), 0))`;

export const usageQueries = {
  apps: `SELECT count(*) AS apps, coalesce(sum(${containersOfApp}), 0) AS containers
    FROM apps WHERE owner_id = ? AND deleted_at IS NULL`,
  containersOfApp: `SELECT ${containersOfApp} AS containers FROM apps WHERE id = ?`,
  sources: `SELECT count(*) AS sources, coalesce(sum(size_bytes), 0) AS sourceBytes FROM sources WHERE owner_id = ?`,
} as const;

/** Reads every source, so requests must not use it. */
const bytesOfAllSources = "SELECT coalesce(sum(size_bytes), 0) AS bytes FROM sources";

/** Suffixes of the database file and the files that SQLite keeps beside it. */
const fileSuffixes = ["", "-wal", "-shm"];

export function usageStore(database: Database): UsageStore {
  return {
    of: (ownerId) => database.read((transaction) => usageOf(transaction, ownerId)),
    total: async () => {
      const [row] = await database.read((transaction) =>
        transaction.all<{ bytes: number }>(bytesOfAllSources),
      );
      const sizes = await Promise.all(fileSuffixes.map((suffix) => sizeOf(`${database.path}${suffix}`)));
      return { database: sizes.reduce((sum, size) => sum + size, 0), sources: row?.bytes ?? 0 };
    },
  };
}

/** @returns 0 for a file that does not exist: SQLite removes the files beside the database when it is closed. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw storeUnavailable(error, `the database at ${path}`);
  }
}

/**
 * Checks a user's usage including this addition.
 * @throws {SlipwayError} "quota-exceeded"
 */
export function checkAdded(
  transaction: Transaction,
  { ownerId, quotas }: { readonly ownerId: string; readonly quotas: Quotas | undefined },
  added: Partial<Usage>,
): void {
  if (quotas === undefined) return;
  const usage = usageOf(transaction, ownerId);
  for (const kind of ["apps", "containers", "sources", "sourceBytes"] as const) {
    const more = added[kind] ?? 0;
    if (more > 0) checkQuota(quotas, kind, usage[kind] + more);
  }
}

/** Number of containers with which an app counts. */
export function containersOf(transaction: Transaction, appId: string): number {
  const [row] = transaction.all<{ containers: number }>(usageQueries.containersOfApp, appId);
  return row?.containers ?? 0;
}

function usageOf(transaction: Transaction, ownerId: string): Usage {
  const [apps] = transaction.all<Pick<Usage, "apps" | "containers">>(usageQueries.apps, ownerId);
  const [sources] = transaction.all<Pick<Usage, "sources" | "sourceBytes">>(usageQueries.sources, ownerId);
  return {
    apps: apps?.apps ?? 0,
    containers: apps?.containers ?? 0,
    sources: sources?.sources ?? 0,
    sourceBytes: sources?.sourceBytes ?? 0,
  };
}
