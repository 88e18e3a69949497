// The port to the blob store: archives and build caches, streamed in and out, never whole in memory.

import type { ByteStream, HeldBytes } from "./bytes.ts";

/** Disposing it lets go of what it holds open, connections for one. */
export interface BlobStore extends AsyncDisposable {
  /**
   * Stores bytes under a key, replacing what was there. All or nothing: until it resolves a reader finds the old blob (or
   * none), and when the stream or the signal fails nothing is kept.
   * @throws {SlipwayError} "too-large" past `maxSizeBytes`, when given.
   */
  put(
    key: string,
    bytes: ByteStream,
    options?: { readonly maxSizeBytes?: number; readonly signal?: AbortSignal },
  ): Promise<{ sizeBytes: number }>;
  /**
   * Opens a blob for reading; null when there is none. A blob replaced or deleted meanwhile is read to its end as it was.
   */
  get(key: string): Promise<{ sizeBytes: number; bytes: HeldBytes } | null>;
  /** Deleting what is not there is fine. */
  delete(key: string): Promise<void>;
  /** Deletes every blob whose key begins with the prefix (which ends in "/"). */
  deletePrefix(prefix: string): Promise<void>;
  /**
   * Removes what processes that died left unfinished, and what was replaced or deleted and is kept for its readers, once its
   * time is over. Nobody else does: call it now and then, from anywhere. What it could not remove is tried with a later call.
   */
  clean(): Promise<void>;
  /** Rejects with "store-unavailable" when it cannot be used. */
  ping(): Promise<void>;
}
