// Reads a log: the stored chunks first, then the tail in Redis, without a gap between them.

import type { Bus } from "@slipway/bus";
import type { LogStore } from "@slipway/core";
import type { SharedRead } from "./shared-reads.ts";
import { lastSeqOf, linesFrom, readTail } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export interface ReadLogOptions {
  readonly bus: Bus;
  readonly logs: LogStore;
  readonly deploymentId: string;
  /** Number of the first line to read, from 1. */
  readonly fromSeq: number;
  /**
   * Number of an existing line. Reading ends with the batch that contains it. With the last line's number, a finished log
   * is read without Redis.
   */
  readonly untilSeq?: number;
  /** Performs each read, see `SharedReads`. Default: readers share no reads. */
  readonly share?: (
    read: Pick<SharedRead, "source" | "fromSeq">,
    load: () => Promise<readonly LineBatch[]>,
  ) => Promise<readonly LineBatch[]>;
}

/** Chunks per read of the store. A chunk has about 256 KiB, which remains in memory while a slow reader processes it. */
const chunksPerRead = 1;

/**
 * Reads the lines from `fromSeq` to the current last one, in order and each once, in the batches in which they were stored. A
 * writer may append and trim concurrently. Ends at the first line that neither the store nor Redis has.
 */
export async function* readLog(options: ReadLogOptions): AsyncGenerator<LineBatch, void> {
  const { bus, logs, deploymentId, untilSeq = Number.POSITIVE_INFINITY } = options;
  const { share = (_read, load) => load() } = options;
  const stored = (fromSeq: number) =>
    share({ source: "store", fromSeq }, () => logs.read(deploymentId, fromSeq, chunksPerRead));
  const tail = (fromSeq: number) =>
    share({ source: "tail", fromSeq }, () => readTail(bus, deploymentId, fromSeq));
  let next = options.fromSeq;
  /** Yields the lines that follow the last yielded one. Stored chunks may overlap. */
  function* following(batches: readonly LineBatch[]): Generator<LineBatch, void> {
    for (const batch of batches) {
      if (batch.firstSeq > next) return;
      if (lastSeqOf(batch) < next) continue;
      const lines = linesFrom(batch, next);
      next = lastSeqOf(batch) + 1;
      yield lines;
    }
  }
  while (next <= untilSeq) {
    const before = next;
    yield* following(await stored(next));
    if (next > before) continue;
    yield* following(await tail(next));
    if (next > before) {
      // The store lags behind the tail, so reading continues there.
      yield* tailFrom();
      continue;
    }
    // The tail may have been trimmed between the two reads; the lines are then in the store.
    yield* following(await stored(next));
    if (next === before) return;
  }

  async function* tailFrom(): AsyncGenerator<LineBatch, void> {
    for (let before = 0; next > before && next <= untilSeq;) {
      before = next;
      yield* following(await tail(next));
    }
  }
}
