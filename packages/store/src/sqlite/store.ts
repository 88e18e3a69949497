// The embedded database: a Store on one SQLite file that any number of this machine's processes can open at the same time.

import type { Store } from "@slipway/core";
import { appStore } from "./apps.ts";
import { collaboratorStore } from "./collaborators.ts";
import { Database } from "./database.ts";
import type { DatabaseOptions } from "./database.ts";
import { deploymentStore } from "./deployments.ts";
import { LogThread } from "./log-thread.ts";
import { logStore } from "./logs.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";
import { operationStore } from "./operations.ts";
import { deliveryStore, notifierStore } from "./notifiers.ts";
import { receiptStore } from "./receipts.ts";
import { releaseStore } from "./releases.ts";
import { sourceStore } from "./sources.ts";
import { tokenStore, userStore } from "./users.ts";
import { usageStore } from "./usage.ts";
import { variableStore } from "./variables.ts";

export interface SqliteStoreOptions extends DatabaseOptions {
  /** The clock for the times of migrations. */
  readonly now?: () => Date;
}

/**
 * Opens the database, creating and migrating it if necessary. Dispose of it to close; the last process to close it merges the WAL.
 * @throws {SlipwayError} "store-unavailable" when the file cannot be used; "configuration-invalid" when it was created by
 * a newer version, or by another program.
 */
export async function openSqliteStore({
  now = () => new Date(),
  ...options
}: SqliteStoreOptions): Promise<Store> {
  const database = await Database.open(options);
  try {
    await migrate(database, migrations, now);
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  return storeOn(database, new LogThread({ ...options, inode: database.inode }));
}

function storeOn(database: Database, logThread: LogThread): Store {
  return {
    users: userStore(database),
    tokens: tokenStore(database),
    apps: appStore(database),
    collaborators: collaboratorStore(database),
    variables: variableStore(database),
    sources: sourceStore(database),
    usage: usageStore(database),
    deployments: deploymentStore(database),
    releases: releaseStore(database),
    receipts: receiptStore(database),
    operations: operationStore(database),
    logs: logStore(database, logThread),
    notifiers: notifierStore(database),
    deliveries: deliveryStore(database),
    // Reading a page of the file proves that it exists, is Slipway's and can be read.
    ping: () =>
      database.read((transaction) => {
        transaction.all("SELECT count(*) FROM migrations");
      }),
    [Symbol.asyncDispose]: async () => {
      await logThread[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
