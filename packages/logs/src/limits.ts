// How much of a log waits where, and for how long. Tests set some of it smaller.

export interface LogLimits {
  /** A batch goes to Redis at the latest this long after its first line… */
  readonly batchDelayMs: number;
  /** …or as soon as it holds this much. */
  readonly batchChars: number;
  readonly batchLines: number;
  /** How many batches may be on their way to Redis at once. */
  readonly batchesInFlight: number;
  /** Acknowledged lines go to the store at the latest this long after the first of them… */
  readonly chunkDelayMs: number;
  /** …or as soon as there is this much. */
  readonly chunkChars: number;
  /** Above this much that the store does not have yet, the build's output is held back. */
  readonly heldChars: number;
  /** So much of the output of one attempt is kept, in whole lines, as UTF-8. */
  readonly outputBytes: number;
  /** For how long Redis or the store may be away before the attempt fails. */
  readonly outageMs: number;
}

export const defaultLimits: LogLimits = {
  batchDelayMs: 10,
  batchChars: 64 * 1024,
  batchLines: 2_000,
  batchesInFlight: 16,
  chunkDelayMs: 1_000,
  chunkChars: 256 * 1024,
  heldChars: 8 * 1024 * 1024,
  outputBytes: 64 * 1024 * 1024,
  outageMs: 60_000,
};

/** What a follower is sent at once. A line comes with about a hundred bytes around it, so neither bound is enough alone. */
export const sentAtOnce = { lines: 500, chars: 32 * 1024 } as const;

/** For how long the tail stays in Redis after the log's end. */
export const tailAfterEndSeconds = 15 * 60;
