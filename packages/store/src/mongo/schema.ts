// Migrates a database to this version's schema, in whichever process starts first, and refuses a newer or foreign database.

import type { Db } from "mongodb";
import { SlipwayError } from "@slipway/core";
import type { Connection, ConnectionOptions } from "./connection.ts";
import { insertIfMissing } from "./documents.ts";
import { ensureIndexes, indexes } from "./indexes.ts";

/**
 * Grows when documents change in a way that the previous version cannot handle. A new field needs no new version: its
 * reader supplies the default for older documents.
 */
export const schemaVersion = 1;

interface SchemaDocument {
  readonly _id: string;
  readonly program: string;
  readonly version: number;
}

const metaOf = (database: Db) => database.collection<SchemaDocument>("meta");

/**
 * Stores the schema version first, so that the database of a process that died half-way is recognized as Slipway's.
 * @throws {SlipwayError} "configuration-invalid" when the database is newer than the code or belongs to another program;
 * nothing is changed then.
 */
export async function migrate(connection: Connection, options: ConnectionOptions): Promise<void> {
  await connection.run(async (database) => {
    const found = await metaOf(database).findOne({ _id: "schema" });
    if (found === null) await claimDatabase(database);
    else checkVersion(found, database.databaseName);
  });
  await ensureIndexes(options, indexes);
  const older = { _id: "schema", version: { $lt: schemaVersion } };
  await connection.run((database) => metaOf(database).updateOne(older, { $set: { version: schemaVersion } }));
}

async function claimDatabase(database: Db): Promise<void> {
  const ours = new Set([...Object.keys(indexes), "meta"]);
  const collections = await database.listCollections({}, { nameOnly: true }).toArray();
  const meta = metaOf(database);
  // Read again, because another Slipway process may have begun in between.
  if (collections.some(({ name }) => ours.has(name)) && (await meta.findOne({ _id: "schema" })) === null) {
    throw new SlipwayError(
      "configuration-invalid",
      `the database ${database.databaseName} is another program's: name an empty one in the database URL`,
    );
  }
  await insertIfMissing(meta, { _id: "schema", program: "slipway", version: 0 });
}

function checkVersion({ version }: SchemaDocument, name: string): void {
  if (version <= schemaVersion) return;
  throw new SlipwayError(
    "configuration-invalid",
    `the database ${name} has schema ${version}, newer than ${schemaVersion}, the newest this version supports: run a newer Slipway`,
  );
}
