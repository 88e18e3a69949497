// Operations in MongoDB: what waits in an app's lane beside its deployments, and the one that runs.

import type { Db, Filter } from "mongodb";
import type { Operation, OperationStore } from "@slipway/core";
import type { Connection } from "./connection.ts";
import { document, entity } from "./documents.ts";
import type { Stored } from "./documents.ts";
import { conflictWhenTaken, isDuplicate } from "./failures.ts";

type OperationDocument = Stored<Operation>;

const oldestFirst = { createdAt: 1, _id: 1 } as const;

/** Spelled so that the partial indexes serve them: their condition first. */
export const operationQueries = {
  waiting: { status: "pending" as const },
  pending: (appId: string) => ({ status: "pending" as const, appId }),
  allRunning: { status: "running" as const },
  running: (appId: string) => ({ status: "running" as const, appId }),
  endedBefore: (before: Date) => ({ finishedAt: { $lt: before } }),
  ofApp: (appId: string) => ({ appId }),
} as const;

const operations = (database: Db) => database.collection<OperationDocument>("operations");

export function operationStore(connection: Connection): OperationStore {
  const one = (filter: Filter<OperationDocument>) =>
    connection.run(async (database) => entity<Operation>(await operations(database).findOne(filter)));
  const removeMany = (filter: Filter<OperationDocument>) =>
    connection.run(async (database) => {
      await operations(database).deleteMany(filter);
    });
  return {
    create: (operation) =>
      conflictWhenTaken(
        connection.run(async (database) => {
          await operations(database).insertOne(document(operation));
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
    waitingApps: () => connection.run(waitingApps),
    compareAndSet: (next) => connection.run((database) => compareAndSet(database, next)),
    removeEnded: (before) => removeMany(operationQueries.endedBefore(before)),
    removeOfApp: (appId) => removeMany(operationQueries.ofApp(appId)),
  };
}

/** Two reads: an app that begins or ends in between is named, or not, as it was before or after. */
async function waitingApps(database: Db): Promise<string[]> {
  const waiting = await appsOf(database, operationQueries.waiting);
  const running = new Set(await appsOf(database, operationQueries.allRunning));
  return waiting.filter((appId) => !running.has(appId));
}

async function appsOf(database: Db, filter: Filter<OperationDocument>): Promise<string[]> {
  const stages = [{ $match: filter }, { $group: { _id: "$appId" } }];
  const found = await operations(database).aggregate<{ _id: string }>(stages).toArray();
  return found.map(({ _id }) => _id);
}

/** Sets the fields this version knows: those of a newer one stay as they are. */
async function compareAndSet(database: Db, next: Operation): Promise<boolean> {
  const { _id, ...fields } = document(next);
  try {
    const expected = { _id, revision: next.revision - 1 };
    const { matchedCount } = await operations(database).updateOne(expected, { $set: fields });
    return matchedCount === 1;
  } catch (error) {
    // The only unique index a change can meet is the one that allows one running operation an app.
    if (isDuplicate(error)) return false;
    throw error;
  }
}
