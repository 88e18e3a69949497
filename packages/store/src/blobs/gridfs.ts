// Blobs in MongoDB's GridFS, shared by processes on any machines.
//
// A key points to a file, and a put changes the pointer: one document, so every reader finds the old blob or the new one. A file
// without a pointer is kept for an hour, for its readers. The collection `doomed` lists the files that may have to be removed. A
// file is listed before its upload begins and before its blob is replaced, so a process that crashes leaves no partial upload and
// no replaced blob behind. A listed file is removed only if no key points to it. Once no key does, none ever will again.
//
// Each file has one entry with several writers: its upload, the upload that replaces it, and its removal. Each writer
// gives the entry a new token, and changes or deletes it only under the token it read, so no writer undoes another's change.

import { randomUUID } from "node:crypto";
import { ObjectId } from "mongodb";
import { SlipwayError } from "@slipway/core";
import type { BlobStore, ByteStream, HeldBytes } from "@slipway/core";
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
const sayAliveEveryMs = 60 * 1000;
const removedAtOnce = 100;
/** Each lost race is another writer's success, so only a fault reaches this number. */
const maxRounds = 1_000;
const silenceMs = 30_000;

/**
 * Opens the database's GridFS as a blob store.
 * @throws {SlipwayError} "store-unavailable" where no server answers, "configuration-invalid" for a URL that is none.
 */
export async function openGridFsBlobs({
  now = () => new Date(),
  onError,
  ...options
}: GridFsBlobsOptions): Promise<BlobStore> {
  await ensureIndexes(options, indexes);
  return new GridFs(await Connection.open({ silenceMs, ...options }), now, onError);
}

/** An entry under the token of its last writer. */
type Doom = Pick<DoomedDocument, "_id" | "token">;

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
    const doom = await this.#doom(fileId);
    const sizeBytes = await this.#upload(doom, key, bytes, options);
    // When the acknowledgement is lost, the key may or may not point to the file: it stays marked for removal.
    await this.#point(key, { fileId, sizeBytes });
    // Unless another upload has replaced the file by now: then its entry has another token.
    await this.#run(({ doomed }) => doomed.deleteOne(doom));
    return { sizeBytes };
  }

  async get(key: string): Promise<{ sizeBytes: number; bytes: HeldBytes } | null> {
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

  /** One that fails goes to the end of the line: it does not stand before the others when this is called again. */
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
   * Looks first and claims then: the claim fails where the entry was written anew since it was read, so an upload that went on
   * keeps its file, and after the claim no upload can renew its entry.
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
    doom: Doom,
    key: string,
    bytes: ByteStream,
    options: { readonly maxSizeBytes?: number; readonly signal?: AbortSignal },
  ): Promise<number> {
    let saidAlive = this.#now().getTime();
    const sayAlive = async () => {
      await this.#sayAlive(doom);
      saidAlive = this.#now().getTime();
    };
    const beforeChunk = async () => {
      if (this.#now().getTime() - saidAlive >= sayAliveEveryMs) await sayAlive();
    };
    const file = { fileId: doom._id, key, uploadedAt: this.#now };
    const work = async () => {
      const sizeBytes = await writeFile(this.#connection, file, bytes, { ...options, beforeChunk });
      await sayAlive();
      return sizeBytes;
    };
    return orCleanUp(work(), (failure) => this.#forget(doom, failure), this.#onError);
  }

  /**
   * Removes what a failed upload wrote. Where the database failed, a write that got no answer may still be carried out after a
   * removal unnoticed: then the file stays marked, and is removed with the others.
   */
  async #forget(doom: Doom, failure: unknown): Promise<void> {
    if (failure instanceof SlipwayError && failure.code === "store-unavailable") return;
    await removeFile(this.#connection, doom._id);
    await this.#run(({ doomed }) => doomed.deleteOne(doom));
  }

  /** Moves the key to another file, or takes it away; the file it pointed to is doomed before it is let go. */
  async #point(key: string, target: { fileId: ObjectId; sizeBytes: number } | null): Promise<void> {
    for (let round = 0; round < maxRounds; round += 1) {
      const standing = await this.#run(({ keys }) => keys.findOne({ _id: key }));
      if (standing === null) {
        if (target === null) return;
        const pointer = { _id: key, ...target };
        if (await this.#run(({ keys }) => insertIfMissing(keys, pointer))) return;
        continue;
      }
      if (target !== null && standing.fileId.equals(target.fileId)) return;
      await this.#doom(standing.fileId);
      if (await this.#moved({ _id: key, fileId: standing.fileId }, target)) return;
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

  /** From now on it goes after its time, unless a key points to it then. */
  async #doom(fileId: ObjectId): Promise<Doom> {
    const [doom, at] = [{ _id: fileId, token: randomUUID() }, this.#now()];
    await this.#run(async ({ doomed }) => {
      for (;;) {
        const { matchedCount } = await doomed.updateOne({ _id: fileId }, { $set: { token: doom.token, at } });
        if (matchedCount === 1 || (await insertIfMissing(doomed, { ...doom, at }))) return;
      }
    });
    return doom;
  }

  async #sayAlive(doom: Doom): Promise<void> {
    const { matchedCount } = await this.#run(({ doomed }) =>
      doomed.updateOne(doom, { $set: { at: this.#now() } }),
    );
    if (matchedCount === 1) return;
    throw new SlipwayError("store-unavailable", "the upload stalled for too long and was removed");
  }

  #run<Result>(work: (collections: Collections) => Promise<Result>): Promise<Result> {
    return this.#connection.run((database) => work(collections(database)));
  }
}
