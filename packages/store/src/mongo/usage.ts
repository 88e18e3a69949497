// Users' usage, in MongoDB.

import type { App, Operation, Source, Usage, UsageStore } from "@slipway/core";
import type { Db } from "mongodb";
import type { Connection } from "./connection.ts";
import type { Stored } from "./documents.ts";

/** For each kind of usage, the amounts by the id of the app or the source. */
export type Amounts = { readonly [Kind in keyof Usage]: ReadonlyMap<string, number> };

export const usageQueries = {
  apps: (ownerId: string) => ({ live: true, ownerId }),
  sources: (ownerId: string) => ({ ownerId }),
  unfinished: (status: "pending" | "running", appIds: readonly string[]) => ({
    status,
    appId: { $in: [...appIds] },
  }),
} as const;

export function usageStore(connection: Connection): UsageStore {
  return {
    of: (ownerId) =>
      connection.run(async (database) => {
        const { apps, containers, sources, sourceBytes } = await amountsOf(database, ownerId);
        return {
          apps: sumOf(apps),
          containers: sumOf(containers),
          sources: sumOf(sources),
          sourceBytes: sumOf(sourceBytes),
        };
      }),
    total: () =>
      connection.run(async (database) => {
        const [stats, [sum]] = await Promise.all([
          database.command({ dbStats: 1 }),
          database
            .collection("sources")
            .aggregate<{ bytes: number }>([{ $group: { _id: null, bytes: { $sum: "$sizeBytes" } } }])
            .toArray(),
        ]);
        const { storageSize = 0, indexSize = 0 } = stats as { storageSize?: number; indexSize?: number };
        return { database: storageSize + indexSize, sources: sum?.bytes ?? 0 };
      }),
  };
}

/** A user's stored usage. An operation that ends in the meantime counts, because its app is read after it. */
export async function amountsOf(database: Db, ownerId: string): Promise<Amounts> {
  const sources = await sourcesOf(database, ownerId);
  const ids = (await appsOf(database, ownerId)).map(({ _id }) => _id);
  const wanted = [
    ...(await unfinishedOf(database, "pending", ids)),
    ...(await unfinishedOf(database, "running", ids)),
  ];
  const apps = await appsOf(database, ownerId);
  const containers = new Map(apps.map(({ _id, webCount }) => [_id, webCount]));
  for (const { appId, webCount } of wanted) {
    const current = containers.get(appId);
    if (current !== undefined) containers.set(appId, Math.max(current, webCount ?? 0));
  }
  return {
    apps: new Map(apps.map(({ _id }) => [_id, 1])),
    containers,
    sources: new Map(sources.map(({ _id }) => [_id, 1])),
    sourceBytes: new Map(sources.map(({ _id, sizeBytes }) => [_id, sizeBytes ?? 0])),
  };
}

function appsOf(database: Db, ownerId: string) {
  const found = database
    .collection<Stored<App> & { readonly live: boolean }>("apps")
    .find(usageQueries.apps(ownerId));
  return found.project<{ _id: string; webCount: number }>({ webCount: 1 }).toArray();
}

function sourcesOf(database: Db, ownerId: string) {
  const found = database.collection<Stored<Source>>("sources").find(usageQueries.sources(ownerId));
  return found.project<{ _id: string; sizeBytes: number | null }>({ sizeBytes: 1 }).toArray();
}

function unfinishedOf(database: Db, status: "pending" | "running", appIds: readonly string[]) {
  const operations = database.collection<Stored<Operation>>("operations");
  const found = operations.find(usageQueries.unfinished(status, appIds));
  return found.project<{ appId: string; webCount: number | null }>({ appId: 1, webCount: 1 }).toArray();
}

function sumOf(amounts: ReadonlyMap<string, number>): number {
  return [...amounts.values()].reduce((sum, amount) => sum + amount, 0);
}
