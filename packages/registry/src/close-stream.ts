// Closes a stream of bytes that is not read to its end.

import type { ByteStream } from "@slipway/core";

/** Releases what the stream holds, read or not. Resolves only after a chunk that is awaited already. @throws the stream's own error. */
export async function closeStream(stream: ByteStream & Partial<AsyncDisposable>): Promise<void> {
  // The iterator of a Node.js stream that nothing has read does not destroy the stream.
  if (Symbol.asyncDispose in stream) await stream[Symbol.asyncDispose]?.();
  else await stream[Symbol.asyncIterator]().return?.();
}
