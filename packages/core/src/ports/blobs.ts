// The port to the blob store: archives and build caches, always streamed and never kept whole in memory.

import type { ByteStream, DisposableBytes } from "./bytes.ts";

/** Disposing it closes its connections. */
export interface BlobStore extends AsyncDisposable {
  /**
   * Stores bytes under a key, atomically replacing an existing blob. Until it resolves, readers find the old blob or none.
   * When the stream fails or the signal aborts, nothing is stored.
   * @throws {SlipwayError} "too-large" when the stream exceeds `maxSizeBytes`.
   */
  put(
    key: string,
    bytes: ByteStream,
    options?: { readonly maxSizeBytes?: number; readonly signal?: AbortSignal },
  ): Promise<{ sizeBytes: number }>;
  /**
   * Opens a blob for reading; null when it does not exist. A reader of a blob that is replaced or deleted meanwhile still
   * reads the old bytes to their end.
   */
  get(key: string): Promise<{ sizeBytes: number; bytes: DisposableBytes } | null>;
  /** Does nothing when the blob does not exist. */
  delete(key: string): Promise<void>;
  /** Deletes every blob whose key begins with the prefix (which ends in "/"). */
  deletePrefix(prefix: string): Promise<void>;
  /**
   * Removes unfinished uploads of crashed processes, and replaced or deleted blobs whose retention for open readers is over.
   * Nothing else removes them, so some process must call it regularly. A later call retries what this one cannot remove.
   */
  clean(): Promise<void>;
  /** Rejects with "store-unavailable" when the blob store cannot be used. */
  ping(): Promise<void>;
}
