// Files in GridFS's layout: one document per file and one per chunk, so that GridFS's tools can read them too.

import { Binary, Long } from "mongodb";
import type { Collection, Db, IndexDescription, ObjectId } from "mongodb";
import { SlipwayError } from "@slipway/core";
import type { ByteStream } from "@slipway/core";
import type { Connection } from "../mongo/connection.ts";
import { abortable } from "./abortable.ts";

interface FileDocument {
  readonly _id: ObjectId;
  readonly filename: string;
  readonly length: Long;
  readonly chunkSize: number;
  readonly uploadDate: Date;
}

interface ChunkDocument {
  readonly files_id: ObjectId;
  /** From 0. */
  readonly n: number;
  readonly data: Binary;
}

/** The file to which a key points. */
interface KeyDocument {
  readonly _id: string;
  readonly fileId: ObjectId;
  readonly sizeBytes: number;
}

/** A file that is removed after its time, unless a key points to it. */
export interface DoomedDocument {
  readonly _id: ObjectId;
  /** The token of the last writer of the entry. */
  readonly token: string;
  readonly at: Date;
}

export interface Collections {
  readonly files: Collection<FileDocument>;
  readonly chunks: Collection<ChunkDocument>;
  readonly keys: Collection<KeyDocument>;
  readonly doomed: Collection<DoomedDocument>;
}

export const indexes: Readonly<Record<string, readonly IndexDescription[]>> = {
  "blobs.files": [
    // Used by GridFS's own tools to find a file.
    { name: "filename_1_uploadDate_1", key: { filename: 1, uploadDate: 1 } },
  ],
  "blobs.chunks": [
    // Used to read and to remove a file.
    { name: "files_id_1_n_1", key: { files_id: 1, n: 1 }, unique: true },
  ],
  "blobs.keys": [
    // Used to check whether a key points to a file.
    { name: "blob_keys_file", key: { fileId: 1 } },
  ],
  "blobs.doomed": [
    // Used to find files whose time is over.
    { name: "blob_doomed_at", key: { at: 1 } },
  ],
};

export const fileQueries = {
  window: (fileId: ObjectId, next: number) => ({
    files_id: fileId,
    n: { $gte: next, $lt: next + chunksPerRead },
  }),
  chunks: (fileId: ObjectId) => ({ files_id: fileId }),
  pointing: (fileId: ObjectId) => ({ fileId }),
  overdue: (before: Date) => ({ at: { $lt: before } }),
} as const;

const chunkBytes = 1024 * 1024;
const chunksPerRead = 4;
const chunksPerRemoval = 64;

export function collections(database: Db): Collections {
  return {
    files: database.collection("blobs.files"),
    chunks: database.collection("blobs.chunks"),
    keys: database.collection("blobs.keys"),
    doomed: database.collection("blobs.doomed"),
  };
}

/**
 * Stores bytes, with one chunk in memory. A failure leaves the chunks written so far: the caller removes them.
 * @returns their number. @throws "too-large", the stream's error, or the signal's reason.
 */
export async function writeFile(
  connection: Connection,
  file: { readonly fileId: ObjectId; readonly key: string; readonly uploadedAt: () => Date },
  bytes: ByteStream,
  options: {
    readonly maxSizeBytes?: number;
    readonly signal?: AbortSignal;
    /** Called before each chunk is written. */
    readonly beforeChunk: () => Promise<void>;
  },
): Promise<number> {
  let [n, length] = [0, 0];
  for await (const data of chunked(abortable(bytes, options.signal), options.maxSizeBytes ?? Infinity)) {
    await options.beforeChunk();
    const chunk = { files_id: file.fileId, n, data: new Binary(data) };
    await connection.run((database) => collections(database).chunks.insertOne({ ...chunk }));
    n += 1;
    length += data.length;
  }
  options.signal?.throwIfAborted();
  const entry = {
    _id: file.fileId,
    filename: file.key,
    length: Long.fromNumber(length),
    chunkSize: chunkBytes,
    uploadDate: file.uploadedAt(),
  };
  await connection.run((database) => collections(database).files.insertOne(entry));
  return length;
}

/** Yields the file's bytes, with a few chunks in memory. Each read is independent, so a reader may be slow. */
export async function* readFile(
  connection: Connection,
  fileId: ObjectId,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  let [next, read] = [0, 0];
  while (read < sizeBytes) {
    const window = fileQueries.window(fileId, next);
    const found = await connection.run((database) =>
      collections(database).chunks.find(window).sort({ n: 1 }).toArray(),
    );
    if (found[0]?.n !== next) throw missing();
    for (const { n, data } of found) {
      if (n !== next) throw missing();
      const bytes = data.value();
      yield bytes;
      next += 1;
      read += bytes.length;
    }
  }
}

/** Removes a file, finished or not, in slices, so that no call takes long. Does nothing when the file does not exist. */
export async function removeFile(connection: Connection, fileId: ObjectId): Promise<void> {
  await connection.run((database) => collections(database).files.deleteOne({ _id: fileId }));
  for (;;) {
    const last = await connection.run((database) =>
      collections(database).chunks.findOne(fileQueries.chunks(fileId), {
        sort: { n: -1 },
        projection: { n: 1 },
      }),
    );
    if (last === null) return;
    const slice = { files_id: fileId, n: { $gt: last.n - chunksPerRemoval } };
    await connection.run((database) => collections(database).chunks.deleteMany(slice));
  }
}

/** Joins or splits the bytes into chunks of one size; the last one may be smaller. */
async function* chunked(bytes: ByteStream, maxSizeBytes: number): ByteStream {
  let [gathered, waiting, total] = [Buffer.allocUnsafe(chunkBytes), 0, 0];
  for await (const part of bytes) {
    total += part.length;
    if (total > maxSizeBytes) throw new SlipwayError("too-large", `larger than ${maxSizeBytes} bytes`);
    for (let taken = 0; taken < part.length;) {
      const piece = part.subarray(taken, taken + chunkBytes - waiting);
      gathered.set(piece, waiting);
      waiting += piece.length;
      taken += piece.length;
      if (waiting < chunkBytes) continue;
      yield gathered;
      [gathered, waiting] = [Buffer.allocUnsafe(chunkBytes), 0];
    }
  }
  if (waiting > 0) yield gathered.subarray(0, waiting);
}

function missing(): SlipwayError {
  return new SlipwayError(
    "store-unavailable",
    "a part of the blob is missing: it was replaced or deleted too long ago",
  );
}
