// The database of a fleet: a Store on one MongoDB database, which any number of processes on any machines share.

import type { Store } from "@slipway/core";
import { appStore } from "./apps.ts";
import { collaboratorStore } from "./collaborators.ts";
import { Connection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";
import { deploymentStore } from "./deployments.ts";
import { logStore } from "./logs.ts";
import { deliveryStore, notifierStore } from "./notifiers.ts";
import { operationStore } from "./operations.ts";
import { receiptStore } from "./receipts.ts";
import { releaseStore } from "./releases.ts";
import { migrate } from "./schema.ts";
import { sourceStore } from "./sources.ts";
import { tokenStore, userStore } from "./users.ts";
import { usageStore } from "./usage.ts";
import { variableStore } from "./variables.ts";

/**
 * Opens the database and creates missing indexes. Dispose of it to close.
 * @throws {SlipwayError} "store-unavailable" when no server responds; "configuration-invalid" when the URL is invalid, or the
 * database was created by a newer version or another program.
 */
export async function openMongoStore(options: ConnectionOptions): Promise<Store> {
  const connection = await Connection.open(options);
  try {
    await migrate(connection, options);
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
  return storeOn(connection);
}

function storeOn(connection: Connection): Store {
  return {
    users: userStore(connection),
    tokens: tokenStore(connection),
    apps: appStore(connection),
    collaborators: collaboratorStore(connection),
    variables: variableStore(connection),
    sources: sourceStore(connection),
    usage: usageStore(connection),
    deployments: deploymentStore(connection),
    releases: releaseStore(connection),
    receipts: receiptStore(connection),
    operations: operationStore(connection),
    logs: logStore(connection),
    notifiers: notifierStore(connection),
    deliveries: deliveryStore(connection),
    ping: () =>
      connection.run(async (database) => {
        await database.command({ ping: 1 });
      }),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
