// Blobs in MongoDB's GridFS, shared by processes on any machines.
//
// A key points to a file, and a put changes the pointer: one document, so every reader finds the old blob or the new one. A file
// without a pointer is kept for an hour, for its readers. The collection `doomed` lists the files that may have to be removed. A
// file is listed before its upload begins and before its blob is replaced, so a process that crashes leaves no partial upload and
// no replaced blob behind. A listed file is removed only if no key points to it. After that, no key points to it again.
//
// Each file has one entry with several writers: its upload, the upload that replaces it, and its removal. Each writer
// gives the entry a new token, and changes or deletes it only if it still has the token that was read. So no writer overwrites another's
// change.

import { randomUUID } from "node:crypto";
import { ObjectId } from "mongodb";
import { SlipwayError } from "@slipway/core";
import type { BlobStore, ByteStream, DisposableBytes } from "@slipway/core";
import { Connection } from "../mongo/connection.ts";
import type { ConnectionOptions } from "../mongo/connection.ts";
import { insertIfMissing } from "../mongo/documents.ts";
import { ensureIndexes } from "../mongo/indexes.ts";
import { orCleanUp } from "./clean-up.ts";
import type { OnBlobError } from "./clean-up.ts";
import { collections, fileQueries, indexes, readFile, removeFile, writeFile } from "./gridfs-files.ts";
import type { Collections, DoomedDocument } from "./gridfs-files.ts";
import { checkBlobKey, checkBlobPrefix } from "./key.ts";

export interface GridFsBlobsOptions extends ConnectionOptions {
  /** The clock by which files are kept for their readers. */
  readonly now?: () => Date;
  readonly onError: OnBlobError;
}

/** An upload renews its entry within this time, and a replaced blob stays readable for this long. */
const keptMs = 60 * 60 * 1000;
const renewEveryMs = 60 * 1000;
const removedAtOnce = 100;
/** Each lost race is another writer's success, so only a fault reaches this number. */
const maxRounds = 1_000;
const silenceMs = 30_000;

/**
 * Opens the database's GridFS as a blob store.
 * @throws {SlipwayError} "store-unavailable" when no server responds, "configuration-invalid" for an invalid URL.
 */
export async function openGridFsBlobs({
  now = () => new Date(),
  onError,
  ...options
}: GridFsBlobsOptions): Promise<BlobStore> {
  await ensureIndexes(options, indexes);
  return new GridFs(await Connection.open({ silenceMs, ...options }), now, onError);
}

/** An entry of `doomed`, identified by its file and the token of its last writer. */
type RemovalEntry = Pick<DoomedDocument, "_id" | "token">;

class GridFs implements BlobStore {
  readonly #connection: Connection;
  readonly #now: () => Date;
  readonly #onError: OnBlobError;

  constructor(connection: Connection, now: () => Date, onError: OnBlobError) {
    this.#connection = connection;
    this.#now = now;
    this.#onError = onError;
  }

  async put(
    key: string,
    bytes: ByteStream,
    options: { readonly maxSizeBytes?: number; readonly signal?: AbortSignal } = {},
  ): Promise<{ sizeBytes: number }> {
    checkBlobKey(key);
    options.signal?.throwIfAborted();
    const fileId = new ObjectId();
    const entry = await this.#list(fileId);
    const sizeBytes = await this.#upload(entry, key, bytes, options);
    // If this fails, the key may or may not point to the file, so the file remains listed for removal.
    await this.#point(key, { fileId, sizeBytes });
    // If another upload has replaced the file, its entry has another token and is not deleted.
    await this.#run(({ doomed }) => doomed.deleteOne(entry));
    return { sizeBytes };
  }

  async get(key: string): Promise<{ sizeBytes: number; bytes: DisposableBytes } | null> {
    checkBlobKey(key);
    const found = await this.#run(({ keys }) => keys.findOne({ _id: key }));
    if (found === null) return null;
    const { fileId, sizeBytes } = found;
    return { sizeBytes, bytes: readFile(this.#connection, fileId, sizeBytes) };
  }

  async delete(key: string): Promise<void> {
    checkBlobKey(key);
    await this.#point(key, null);
  }

  async deletePrefix(prefix: string): Promise<void> {
    checkBlobPrefix(prefix);
    // "0" comes right after "/".
    const below = { $gte: prefix, $lt: `${prefix.slice(0, -1)}0` };
    const found = await this.#run(({ keys }) => keys.find({ _id: below }).toArray());
    for (const { _id: key } of found) await this.#point(key, null);
  }

  async ping(): Promise<void> {
    await this.#connection.run((database) => database.command({ ping: 1 }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }

  /** Claiming an entry renews its time, so after a failed removal the next call starts with the other entries. */
  async clean(): Promise<void> {
    const before = new Date(this.#now().getTime() - keptMs);
    for (;;) {
      const overdue = await this.#run(({ doomed }) =>
        doomed.find(fileQueries.overdue(before)).sort({ at: 1 }).limit(removedAtOnce).toArray(),
      );
      for (const entry of overdue) await this.#removeUnlessNeeded(entry);
      if (overdue.length < removedAtOnce) return;
    }
  }

  /**
   * Checks the keys before it claims the entry. The claim fails if the entry was changed since it was read, so an upload that continues
   * keeps its file. After the claim, no upload can renew the entry.
   */
  async #removeUnlessNeeded(seen: DoomedDocument): Promise<void> {
    const claim = { _id: seen._id, token: randomUUID() };
    const claimed = await this.#run(async ({ keys, doomed }) => {
      if ((await keys.findOne(fileQueries.pointing(seen._id))) === null) {
        const { matchedCount } = await doomed.updateOne(seen, {
          $set: { token: claim.token, at: this.#now() },
        });
        return matchedCount === 1;
      }
      await doomed.deleteOne(seen);
      return false;
    });
    if (!claimed) return;
    await removeFile(this.#connection, seen._id);
    await this.#run(({ doomed }) => doomed.deleteOne(claim));
  }

  #upload(
    entry: RemovalEntry,
    key: string,
    bytes: ByteStream,
    options: { readonly maxSizeBytes?: number; readonly signal?: AbortSignal },
  ): Promise<number> {
    let renewedAt = this.#now().getTime();
    const renew = async () => {
      await this.#renew(entry);
      renewedAt = this.#now().getTime();
    };
    const beforeChunk = async () => {
      if (this.#now().getTime() - renewedAt >= renewEveryMs) await renew();
    };
    const file = { fileId: entry._id, key, uploadedAt: this.#now };
    const work = async () => {
      const sizeBytes = await writeFile(this.#connection, file, bytes, { ...options, beforeChunk });
      await renew();
      return sizeBytes;
    };
    return orCleanUp(work(), (failure) => this.#removeUpload(entry, failure), this.#onError);
  }

  /**
   * Removes what a failed upload wrote. After a failure of the database, an unanswered write may still be executed after the
   * removal. Then the file remains listed, and is removed later like all listed files.
   */
  async #removeUpload(entry: RemovalEntry, failure: unknown): Promise<void> {
    if (failure instanceof SlipwayError && failure.code === "store-unavailable") return;
    await removeFile(this.#connection, entry._id);
    await this.#run(({ doomed }) => doomed.deleteOne(entry));
  }

  /** Points the key to another file, or removes the key. The former file is listed for removal first. */
  async #point(key: string, target: { fileId: ObjectId; sizeBytes: number } | null): Promise<void> {
    for (let round = 0; round < maxRounds; round += 1) {
      const current = await this.#run(({ keys }) => keys.findOne({ _id: key }));
      if (current === null) {
        if (target === null) return;
        const pointer = { _id: key, ...target };
        if (await this.#run(({ keys }) => insertIfMissing(keys, pointer))) return;
        continue;
      }
      if (target !== null && current.fileId.equals(target.fileId)) return;
      await this.#list(current.fileId);
      if (await this.#moved({ _id: key, fileId: current.fileId }, target)) return;
    }
    throw new SlipwayError("store-unavailable", "too many processes replace the same blob at once");
  }

  #moved(
    from: { readonly _id: string; readonly fileId: ObjectId },
    target: { fileId: ObjectId; sizeBytes: number } | null,
  ): Promise<boolean> {
    return this.#run(async ({ keys }) => {
      if (target === null) return (await keys.deleteOne(from)).deletedCount === 1;
      return (await keys.updateOne(from, { $set: target })).matchedCount === 1;
    });
  }

  /** Lists the file: it is removed after `keptMs`, unless a key points to it by then. */
  async #list(fileId: ObjectId): Promise<RemovalEntry> {
    const [entry, at] = [{ _id: fileId, token: randomUUID() }, this.#now()];
    await this.#run(async ({ doomed }) => {
      for (;;) {
        const { matchedCount } = await doomed.updateOne(
          { _id: fileId },
          { $set: { token: entry.token, at } },
        );
        if (matchedCount === 1 || (await insertIfMissing(doomed, { ...entry, at }))) return;
      }
    });
    return entry;
  }

  async #renew(entry: RemovalEntry): Promise<void> {
    const { matchedCount } = await this.#run(({ doomed }) =>
      doomed.updateOne(entry, { $set: { at: this.#now() } }),
    );
    if (matchedCount === 1) return;
    throw new SlipwayError("store-unavailable", "the upload stalled for too long and was removed");
  }

  #run<Result>(work: (collections: Collections) => Promise<Result>): Promise<Result> {
    return this.#connection.run((database) => work(collections(database)));
  }
}
