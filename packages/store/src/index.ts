// The store: opens the database and the blob store that an installation's settings name.

import type { BlobStore, Store } from "@slipway/core";
import { openFileBlobs } from "./blobs/fs.ts";
import { pathIn } from "./location.ts";
import { openSqliteStore } from "./sqlite/store.ts";

export { openFileBlobs } from "./blobs/fs.ts";
export type { FileBlobsOptions } from "./blobs/fs.ts";
export { openSqliteStore } from "./sqlite/store.ts";
export type { SqliteStoreOptions } from "./sqlite/store.ts";

const mongo = { mongodb: "MongoDB", "mongodb+srv": "MongoDB" };

/**
 * Opens the database.
 * @param options.databaseUrl a path or `file:` URL of an SQLite file.
 * @throws {SlipwayError} "configuration-invalid" or "store-unavailable".
 */
export async function openStore(options: { readonly databaseUrl: string }): Promise<Store> {
  return openSqliteStore({ path: pathIn(options.databaseUrl, "database URL", mongo) });
}

/**
 * Opens the blob store.
 * @param options.url a path or `file:` URL of a directory.
 * @throws {SlipwayError} "configuration-invalid" or "store-unavailable".
 */
export async function openBlobs(options: { readonly url: string }): Promise<BlobStore> {
  return openFileBlobs({ directory: pathIn(options.url, "blobs URL", mongo) });
}
