// Reads a log as far as it is written: first what the store has, then the tail in Redis, without a gap between.

import type { LogStore } from "@slipway/core";
import type { RedisKeys } from "@slipway/protocol";
import type { Redis } from "ioredis";
import { lastSeqOf, linesFrom, readTail } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export interface ReadLogOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly logs: LogStore;
  readonly deploymentId: string;
  /** Sequence number of the first line wanted, 1 for all. */
  readonly fromSeq: number;
  /**
   * Where the log is known to go to, at least: reading ends with the batch that has this line, without looking for more. A
   * finished log is then read without Redis.
   */
  readonly untilSeq?: number;
}

/** Chunks taken from the store at once, a quarter of a MiB: whoever reads slowly holds them in memory. */
const chunksAtOnce = 1;

/**
 * The lines from `fromSeq` to the last one there is now, in order, each once, in batches as they were kept. A writer may
 * append and trim meanwhile. Ends at a gap that neither the store nor Redis can fill.
 */
export async function* readLog(options: ReadLogOptions): AsyncGenerator<LineBatch, void> {
  const { redis, keys, logs, deploymentId, untilSeq = Number.POSITIVE_INFINITY } = options;
  let next = options.fromSeq;
  /** Chunks and batches as they were kept: overlapping ones give each line once. */
  function* following(batches: readonly LineBatch[]): Generator<LineBatch, void> {
    for (const { firstSeq, lineCount, text } of batches) {
      const batch = { firstSeq, lineCount, text };
      if (firstSeq > next) return;
      if (lastSeqOf(batch) < next) continue;
      const wanted = linesFrom(batch, next);
      next = lastSeqOf(batch) + 1;
      yield wanted;
    }
  }
  while (next <= untilSeq) {
    const before = next;
    yield* following(await logs.read(deploymentId, next, chunksAtOnce));
    if (next > before) continue;
    yield* following(await readTail(redis, keys, deploymentId, next));
    if (next > before) {
      // on in the tail while it lasts: the store lags behind it
      yield* tailFrom();
      continue;
    }
    // trimmed between the two reads: then the store has it by now
    yield* following(await logs.read(deploymentId, next, chunksAtOnce));
    if (next === before) return;
  }

  async function* tailFrom(): AsyncGenerator<LineBatch, void> {
    for (let before = 0; next > before && next <= untilSeq;) {
      before = next;
      yield* following(await readTail(redis, keys, deploymentId, next));
    }
  }
}
