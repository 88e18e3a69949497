// Blobs in MongoDB's GridFS, shared by processes on any machines.
//
// A key points to a file, and a put moves the pointer: one document, so every reader finds the old blob or the new one. A
// file that nothing points to any more is kept for an hour, for those who read it. Which files may have to go is written
// down before anything can go wrong (`doomed`), so nothing is left behind by a process that dies: not a half upload, not a
// replaced blob. An entry there is a suspicion; a file is only removed while no key points to it, and once none does, none
// ever will again.

import { ObjectId } from "mongodb";
import { SlipwayError } from "@slipway/core";
import type { BlobStore, ByteStream } from "@slipway/core";
import { Connection } from "../mongo/connection.ts";
import type { ConnectionOptions } from "../mongo/connection.ts";
import { insertIfMissing } from "../mongo/documents.ts";
import { ensureIndexes } from "../mongo/indexes.ts";
import { collections, indexes, readFile, removeFile, writeFile } from "./gridfs-files.ts";
import type { Collections } from "./gridfs-files.ts";
import { checkBlobKey, checkBlobPrefix } from "./key.ts";

export interface GridFsBlobsOptions extends ConnectionOptions {
  /** The clock by which files are kept for their readers. */
  readonly now?: () => Date;
}

/** An upload says within this time that it lives, and a blob that was replaced can be read to its end for this long. */
const keptMs = 60 * 60 * 1000;
const sayAliveEveryMs = 60 * 1000;
/** No put or delete pays for more of the files that others left. */
const removedAtOnce = 10;
/** Each lost race is somebody's success, so this is never reached but by a fault. */
const mostRounds = 1_000;
const silenceMs = 30_000;

/**
 * Opens the database's GridFS as a blob store and removes what dead processes left unfinished in it.
 * @throws {SlipwayError} "store-unavailable" where no server answers, "configuration-invalid" for a URL that is none.
 */
export async function openGridFsBlobs({
  now = () => new Date(),
  ...options
}: GridFsBlobsOptions): Promise<BlobStore> {
  const connection = await Connection.open({ silenceMs, ...options });
  try {
    await connection.run((database) => ensureIndexes(database, indexes));
    const blobs = new GridFs(connection, now);
    await blobs.removeDoomed();
    return blobs;
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

class GridFs implements BlobStore {
  readonly #connection: Connection;
  readonly #now: () => Date;

  constructor(connection: Connection, now: () => Date) {
    this.#connection = connection;
    this.#now = now;
  }

  async put(
    key: string,
    bytes: ByteStream,
    options: { readonly maxSizeBytes?: number; readonly signal?: AbortSignal } = {},
  ): Promise<{ sizeBytes: number }> {
    checkBlobKey(key);
    options.signal?.throwIfAborted();
    await this.removeDoomed();
    const fileId = new ObjectId();
    await this.#doom(fileId);
    const sizeBytes = await this.#upload(fileId, key, bytes, options);
    // Where its answer is lost nobody knows whether it was moved: the file stays, and doomed.
    await this.#point(key, { fileId, sizeBytes });
    await this.#run(({ doomed }) => doomed.deleteOne({ _id: fileId }));
    return { sizeBytes };
  }

  async get(key: string): Promise<{ sizeBytes: number; bytes: ByteStream } | null> {
    checkBlobKey(key);
    const found = await this.#run(({ keys }) => keys.findOne({ _id: key }));
    if (found === null) return null;
    const { fileId, sizeBytes } = found;
    return { sizeBytes, bytes: readFile(this.#connection, fileId, sizeBytes) };
  }

  async delete(key: string): Promise<void> {
    checkBlobKey(key);
    await this.removeDoomed();
    await this.#point(key, null);
  }

  async deletePrefix(prefix: string): Promise<void> {
    checkBlobPrefix(prefix);
    await this.removeDoomed();
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

  /** Removes some of the files whose time is over. */
  async removeDoomed(): Promise<void> {
    const before = new Date(this.#now().getTime() - keptMs);
    const overdue = await this.#run(({ doomed }) =>
      doomed
        .find({ at: { $lt: before } })
        .limit(removedAtOnce)
        .toArray(),
    );
    for (const { _id, at } of overdue) {
      await this.#run(async (places) => {
        const needed = (await places.keys.findOne({ fileId: _id })) !== null;
        if (!needed) await removeFile(places, _id);
        // Not one that was written down anew meanwhile.
        await places.doomed.deleteOne({ _id, at });
      });
    }
  }

  async #upload(
    fileId: ObjectId,
    key: string,
    bytes: ByteStream,
    options: { readonly maxSizeBytes?: number; readonly signal?: AbortSignal },
  ): Promise<number> {
    let saidAlive = this.#now().getTime();
    const onChunk = async () => {
      if (this.#now().getTime() - saidAlive < sayAliveEveryMs) return;
      await this.#sayAlive(fileId);
      saidAlive = this.#now().getTime();
    };
    try {
      const file = { fileId, key, uploadedAt: this.#now };
      const sizeBytes = await writeFile(this.#connection, file, bytes, { ...options, onChunk });
      await this.#sayAlive(fileId);
      return sizeBytes;
    } catch (error) {
      await this.#run(async (places) => {
        await removeFile(places, fileId);
        await places.doomed.deleteOne({ _id: fileId });
      });
      throw error;
    }
  }

  /** Moves the key to another file, or takes it away; the file it pointed to is doomed before it is let go. */
  async #point(key: string, target: { fileId: ObjectId; sizeBytes: number } | null): Promise<void> {
    for (let round = 0; round < mostRounds; round += 1) {
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
  async #doom(fileId: ObjectId): Promise<void> {
    const at = this.#now();
    await this.#run(async ({ doomed }) => {
      const { matchedCount } = await doomed.updateOne({ _id: fileId }, { $set: { at } });
      if (matchedCount === 0) await insertIfMissing(doomed, { _id: fileId, at });
    });
  }

  async #sayAlive(fileId: ObjectId): Promise<void> {
    const { matchedCount } = await this.#run(({ doomed }) =>
      doomed.updateOne({ _id: fileId }, { $set: { at: this.#now() } }),
    );
    if (matchedCount === 1) return;
    throw new SlipwayError("store-unavailable", "the upload was silent for so long that it was cleared away");
  }

  #run<Result>(work: (places: Collections) => Promise<Result>): Promise<Result> {
    return this.#connection.run((database) => work(collections(database)));
  }
}
