// The store: opens the database and the blob store that an installation's settings name.

import type { BlobStore, Store } from "@slipway/core";
import { measuredStore } from "@slipway/telemetry";
import type { OnBlobError } from "./blobs/clean-up.ts";
import { openFileBlobs } from "./blobs/fs.ts";
import { isMongoUrl, pathIn } from "./location.ts";
import { openSqliteStore } from "./sqlite/store.ts";

export { appParts } from "./app-parts.ts";
export { openFileBlobs } from "./blobs/fs.ts";
export type { FileBlobsOptions } from "./blobs/fs.ts";
export { localPath } from "./location.ts";
export { openSqliteStore } from "./sqlite/store.ts";
export type { SqliteStoreOptions } from "./sqlite/store.ts";

// The MongoDB adapters are loaded on demand: their driver takes longer to load than everything else together.

/**
 * Opens the database.
 * @param options.databaseUrl a path or `file:` URL of an SQLite file, or a `mongodb:` or `mongodb+srv:` URL.
 * @throws {SlipwayError} "configuration-invalid" or "store-unavailable".
 */
export async function openStore({ databaseUrl: url }: { readonly databaseUrl: string }): Promise<Store> {
  if (!isMongoUrl(url)) return measuredStore(await openSqliteStore({ path: pathIn(url, "database URL") }));
  const { openMongoStore } = await import("./mongo/store.ts");
  return measuredStore(await openMongoStore({ url }));
}

/**
 * Opens the blob store.
 * @param options.url a path or `file:` URL of a directory, or a `mongodb:` or `mongodb+srv:` URL for its GridFS.
 * @param options.onError called with failures that no call rejects with.
 * @throws {SlipwayError} "configuration-invalid" or "store-unavailable".
 */
export async function openBlobs({
  url,
  onError,
}: {
  readonly url: string;
  readonly onError: OnBlobError;
}): Promise<BlobStore> {
  if (!isMongoUrl(url)) return openFileBlobs({ directory: pathIn(url, "blobs URL"), onError });
  const { openGridFsBlobs } = await import("./blobs/gridfs.ts");
  return openGridFsBlobs({ url, onError });
}
