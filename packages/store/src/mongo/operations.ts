// Operations in MongoDB: pending ones in an app's lane beside its deployments, and the running one.

import type { Db, Filter } from "mongodb";
import type { Operation, OperationStore } from "@slipway/core";
import { compareAndSet } from "./compare-and-set.ts";
import type { Connection } from "./connection.ts";
import { document, entity } from "./documents.ts";
import type { Stored } from "./documents.ts";
import { conflictWhenTaken, falseWhenTaken } from "./failures.ts";
import { laneHeads } from "./lane-entry.ts";
import type { HeadQueries } from "./lane-entry.ts";
import { withinQuotas } from "./quotas.ts";
import { waitingApps } from "./waiting-apps.ts";

type OperationDocument = Stored<Operation>;

const oldestFirst = { createdAt: 1, _id: 1 } as const;

/** Written so that the partial indexes apply: their condition comes first. */
export const operationQueries = {
  waiting: { status: "pending" as const },
  waitingAfter: (appId: string) => ({ status: "pending" as const, appId: { $gt: appId } }),
  pending: (appId: string) => ({ status: "pending" as const, appId }),
  allRunning: { status: "running" as const },
  running: (appId: string) => ({ status: "running" as const, appId }),
  runningOf: (appIds: readonly string[]) => ({ status: "running" as const, appId: { $in: [...appIds] } }),
  endedBefore: (before: Date) => ({ finishedAt: { $lt: before } }),
  ofApp: (appId: string) => ({ appId }),
} as const;

const headQueries: HeadQueries<OperationDocument> = {
  waitingAfter: operationQueries.waitingAfter,
  order: { appId: 1, ...oldestFirst },
  runningOf: operationQueries.runningOf,
};

const operations = (database: Db) => database.collection<OperationDocument>("operations");

export function operationStore(connection: Connection): OperationStore {
  const one = (filter: Filter<OperationDocument>) =>
    connection.run(async (database) => entity<Operation>(await operations(database).findOne(filter)));
  const removeMany = (filter: Filter<OperationDocument>) =>
    connection.run(async (database) => {
      await operations(database).deleteMany(filter);
    });
  return {
    create: (operation, quota) =>
      conflictWhenTaken(
        connection.runInTurn(`quotas ${quota?.ownerId ?? operation.appId}`, (database, signal) => {
          const owner = { ownerId: quota?.ownerId ?? "", limits: quota?.quotas };
          const { appId: id, webCount } = operation;
          const additions = [{ kind: "containers", id, amount: webCount ?? 0 }] as const;
          return withinQuotas({ database, signal }, owner, additions, async () => {
            await operations(database).insertOne(document(operation));
          });
        }),
        "the operation's id is taken",
      ),
    get: (id) => one({ _id: id }),
    pending: (appId, limit) =>
      connection.run(async (database) => {
        const found = operations(database).find(operationQueries.pending(appId)).sort(oldestFirst);
        return (await found.limit(limit).toArray()).map((operation) => entity<Operation>(operation));
      }),
    running: (appId) => one(operationQueries.running(appId)),
    allRunning: () =>
      connection.run(async (database) => {
        const found = operations(database).find(operationQueries.allRunning).sort({ appId: 1 });
        return (await found.toArray()).map((operation) => entity<Operation>(operation));
      }),
    laneHeads: (after, limit) =>
      connection.run((database) => laneHeads(operations(database), headQueries, { after, limit })),
    waitingApps: () =>
      connection.run((database) =>
        waitingApps(operations(database), {
          waiting: operationQueries.waiting,
          running: operationQueries.allRunning,
        }),
      ),
    // The only unique index that a change can violate allows one running operation per app.
    compareAndSet: (next) =>
      falseWhenTaken(connection.run((database) => compareAndSet(operations(database), document(next)))),
    removeEnded: (before) => removeMany(operationQueries.endedBefore(before)),
    removeOfApp: (appId) => removeMany(operationQueries.ofApp(appId)),
  };
}
