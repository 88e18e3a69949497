// Sizes and delays of the log path's batches, chunks and buffers. Tests override some.

export interface LogLimits {
  /** A batch of this size is sent to Redis while others are not acknowledged; a smaller one when all are. */
  readonly batchChars: number;
  readonly batchLines: number;
  /** The maximum of batches that are sent and not acknowledged. */
  readonly batchesInFlight: number;
  /** Acknowledged lines are stored at most this long after the first of them… */
  readonly chunkDelayMs: number;
  /** …or as soon as they have this size. */
  readonly chunkChars: number;
  /** `write` applies backpressure while more than this is not stored yet. */
  readonly unstoredChars: number;
  /** The maximum output of a deployment that its log keeps, in whole lines, as UTF-8. What earlier attempts wrote counts. */
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

/** The maximum size of a log event. Each line adds about 100 bytes of framing, so that a limit on characters is not enough. */
export const maxEventSize = { lines: 500, chars: 32 * 1024 } as const;

/** How long the tail stays in Redis after the log's end. */
export const tailAfterEndSeconds = 15 * 60;
