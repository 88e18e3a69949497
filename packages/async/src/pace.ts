// Bounds how slowly a peer may send a stream: one byte from time to time must not hold what waits for the stream.

import { endsWithin } from "./deadline.ts";

export interface PaceOptions {
  /** Milliseconds of waiting for the stream. What the consumer does with a chunk does not count. */
  readonly periodMs: number;
  /** How many bytes must arrive in each period. The period in which the stream ends may have fewer. */
  readonly minBytes: number;
  /** Makes the error of a stream that is slower. @param receivedBytes all bytes so far. */
  readonly error: (receivedBytes: number) => Error;
}

/**
 * Yields the stream's chunks as they arrive. It does not end the source: the caller does.
 * @throws the error of a stream that is too slow; the stream's own error.
 */
export async function* paced<Chunk extends Uint8Array>(
  source: AsyncIterator<Chunk>,
  { periodMs, minBytes, error }: PaceOptions,
): AsyncGenerator<Chunk> {
  let next: Promise<IteratorResult<Chunk>> | undefined;
  let receivedBytes = 0;
  let periodBytes = 0;
  let waitedMs = 0;
  for (;;) {
    next ??= source.next();
    const since = performance.now();
    const arrived = await endsWithin(next, periodMs - waitedMs);
    waitedMs += performance.now() - since;
    if (arrived) {
      const { done, value } = await next;
      if (done === true) return;
      next = undefined;
      receivedBytes += value.length;
      periodBytes += value.length;
      yield value;
      if (waitedMs < periodMs) continue;
    }
    if (periodBytes < minBytes) throw error(receivedBytes);
    periodBytes = 0;
    waitedMs = 0;
  }
}
