// Enforces a minimum rate of a peer's stream: a peer that sends a byte now and then must not block the resources that wait for it.

import { endsWithin } from "./deadline.ts";

export interface PaceOptions {
  /** Milliseconds of waiting for the stream. The time in which the consumer processes a chunk does not count. */
  readonly periodMs: number;
  /** Minimum number of bytes per period. The last period of the stream may have fewer. */
  readonly minBytes: number;
  /** Creates the error for a stream that is too slow. @param receivedBytes all bytes so far. */
  readonly error: (receivedBytes: number) => Error;
}

/**
 * Yields the stream's chunks as they arrive. It does not close the source: the caller does.
 * @throws the error for a stream that is too slow; the stream's own error.
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
