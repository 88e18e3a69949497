// Closes a byte stream that is not read to its end.

import type { ByteStream } from "@slipway/core";

/** Releases the stream's resources, read or not. If a chunk is being awaited, resolves after it. @throws the stream's own error. */
export async function closeStream(stream: ByteStream & Partial<AsyncDisposable>): Promise<void> {
  // The iterator of an unread Node.js stream does not destroy the stream.
  if (Symbol.asyncDispose in stream) await stream[Symbol.asyncDispose]?.();
  else await stream[Symbol.asyncIterator]().return?.();
}
