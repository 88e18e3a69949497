// Sizes and delays of the log path's batches, chunks and buffers. Tests override some of them.

export interface LogLimits {
  /** Batch size that is sent to Redis while other batches are unacknowledged; smaller batches are sent when none is. */
  readonly batchChars: number;
  readonly batchLines: number;
  /** Maximum number of unacknowledged batches in flight. */
  readonly batchesInFlight: number;
  /** Acknowledged lines are stored at most this long after the first of them… */
  readonly chunkDelayMs: number;
  /** …or as soon as they have this size. */
  readonly chunkChars: number;
  /** `write` applies backpressure while more than this is unstored. */
  readonly unstoredChars: number;
  /** Maximum output that a deployment's log keeps, in whole lines, as UTF-8. The output of earlier attempts counts. */
  readonly outputBytes: number;
  /** How long Redis or the store may be unavailable before the attempt fails. */
  readonly outageMs: number;
}

export const defaultLimits: LogLimits = {
  batchChars: 64 * 1024,
  batchLines: 2_000,
  batchesInFlight: 16,
  chunkDelayMs: 1_000,
  chunkChars: 256 * 1024,
  unstoredChars: 8 * 1024 * 1024,
  outputBytes: 64 * 1024 * 1024,
  outageMs: 60_000,
};

/** Maximum size of a log event. Each line adds about 100 bytes of framing, so limiting the characters is not enough. */
export const maxEventSize = { lines: 500, chars: 32 * 1024 } as const;

/** How long the tail remains in Redis after the log's end. */
export const tailAfterEndSeconds = 15 * 60;
