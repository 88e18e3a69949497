// Brings a database to the schema this code knows, whichever process comes first, and refuses one it must not touch.

import type { Db } from "mongodb";
import { SlipwayError } from "@slipway/core";
import { insertIfMissing } from "./documents.ts";
import { ensureIndexes, indexes } from "./indexes.ts";

/** Grows when documents change in a way that the version before cannot live with, and its change is added below. */
export const schemaVersion = 1;

interface SchemaDocument {
  readonly _id: string;
  readonly program: string;
  readonly version: number;
}

/**
 * Writes the schema's version down before anything else is made, so that a process which died on the way is known as ours.
 * @throws {SlipwayError} "configuration-invalid" when the database is newer than the code or belongs to something else;
 * nothing is changed then.
 */
export async function migrate(database: Db): Promise<void> {
  const meta = database.collection<SchemaDocument>("meta");
  const found = await meta.findOne({ _id: "schema" });
  if (found === null) await claimDatabase(database);
  else checkVersion(found, database.databaseName);
  await ensureIndexes(database, indexes);
  await meta.updateOne(
    { _id: "schema", version: { $lt: schemaVersion } },
    { $set: { version: schemaVersion } },
  );
}

async function claimDatabase(database: Db): Promise<void> {
  const ours = new Set([...Object.keys(indexes), "meta"]);
  const collections = await database.listCollections({}, { nameOnly: true }).toArray();
  const meta = database.collection<SchemaDocument>("meta");
  // Looked at again: another process of ours may have begun in between.
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
    `the database ${name} has schema ${version}, newer than ${schemaVersion}, the newest this version knows: run a newer Slipway`,
  );
}
