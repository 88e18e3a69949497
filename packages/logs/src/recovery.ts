// Prepares an existing log for a new attempt: stores lines that exist only in the tail, and hashes the log.

import type { Hash } from "node:crypto";
import type { Bus } from "@slipway/bus";
import type { LogStore } from "@slipway/core";
import { readLog } from "./read-log.ts";
import { joinBatches, linesFrom, readTail } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

/** Replaces each line that neither the store nor Redis has, so that the line numbers have no gaps. */
const lostLine = "[this line was lost: the storage of the log failed]";

export interface RecoveryContext {
  readonly bus: Bus;
  readonly logs: LogStore;
  readonly deploymentId: string;
}

export interface TailRecovery {
  /** Takes the log over. @param storedSeq number of the store's last line. @returns the number of the log's last line. */
  readonly takeOver: (storedSeq: number) => Promise<number>;
  /** Stores one batch. */
  readonly store: (batch: LineBatch) => Promise<void>;
}

/**
 * Takes the log over and stores the lines that an earlier attempt published but did not store.
 * @returns the number of the last line.
 */
export async function recoverTail(
  context: RecoveryContext,
  { takeOver, store }: TailRecovery,
): Promise<number> {
  const { bus, logs, deploymentId } = context;
  let storedSeq = await logs.lastSeq(deploymentId);
  let lastSeq = await takeOver(storedSeq);
  while (storedSeq < lastSeq) {
    const next = storedSeq + 1;
    const [first, ...rest] = await readTail(bus, deploymentId, next);
    const batch =
      first && first.firstSeq <= next ? joinBatches([linesFrom(first, next), ...rest]) : undefined;
    if (batch) await store(batch);
    // The earlier worker may have stored and trimmed the line in the meantime.
    else if ((await logs.lastSeq(deploymentId)) < next) {
      const before = lastSeq;
      // If Redis has lost its data since the takeover, the log ends where the store does.
      lastSeq = await takeOver(storedSeq);
      if (lastSeq === before) await store(lostLines(next, (first?.firstSeq ?? lastSeq + 1) - 1));
    }
    storedSeq = await logs.lastSeq(deploymentId);
  }
  return lastSeq;
}

/** Adds the stored lines 1 to `lastSeq` to the hash, each with its newline. @returns their size in bytes. */
export async function hashStored(context: RecoveryContext, lastSeq: number, hash: Hash): Promise<number> {
  let bytes = 0;
  if (lastSeq === 0) return bytes;
  for await (const batch of readLog({ ...context, fromSeq: 1, untilSeq: lastSeq })) {
    const lines = Buffer.from(`${batch.text}\n`);
    hash.update(lines);
    bytes += lines.length;
  }
  return bytes;
}

function lostLines(firstSeq: number, lastSeq: number): LineBatch {
  const lineCount = Math.min(1_000, lastSeq - firstSeq + 1);
  return { firstSeq, lineCount, text: Array.from({ length: lineCount }, () => lostLine).join("\n") };
}
