// What a new attempt does first with a log that others wrote before it: bring the record up to the tail, and hash it.

import type { Hash } from "node:crypto";
import type { LogStore } from "@slipway/core";
import type { Redis } from "ioredis";
import type { RedisKeys } from "@slipway/protocol";
import { readLog } from "./read-log.ts";
import { joined, lastSeqOf, linesFrom, readTail } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

/** Stands for each line that neither the store nor Redis has any more, so that numbers stay without gaps. */
const lostLine = "[this line was lost: the storage of the log failed]";

export interface LogContext {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly logs: LogStore;
  readonly deploymentId: string;
}

/**
 * Brings lines that a former worker published, but had no time to store, from the tail into the store.
 * @param lastSeq the tail's last line. @param store keeps one batch.
 */
export async function recoverTail(
  place: LogContext,
  lastSeq: number,
  store: (batch: LineBatch) => Promise<void>,
): Promise<void> {
  const { redis, keys, logs, deploymentId } = place;
  for (let storedSeq = await logs.lastSeq(deploymentId); storedSeq < lastSeq;) {
    const next = storedSeq + 1;
    const [first, ...rest] = await readTail(redis, keys, deploymentId, next);
    const found = first && first.firstSeq <= next ? joined([linesFrom(first, next), ...rest]) : undefined;
    if (found) await store(found);
    // not in the tail: the former worker may have stored and trimmed it meanwhile
    else if ((await logs.lastSeq(deploymentId)) < next) {
      await store(lostLines(next, (first?.firstSeq ?? lastSeq + 1) - 1));
    }
    storedSeq = await logs.lastSeq(deploymentId);
  }
}

/** Adds the stored lines 1 to `lastSeq` to the hash, each with its newline. */
export async function hashStored(place: LogContext, lastSeq: number, hash: Hash): Promise<void> {
  if (lastSeq === 0) return;
  for await (const batch of readLog({ ...place, fromSeq: 1 })) {
    hash.update(`${batch.text}\n`);
    if (lastSeqOf(batch) >= lastSeq) return;
  }
}

function lostLines(firstSeq: number, lastSeq: number): LineBatch {
  const lineCount = Math.min(1_000, lastSeq - firstSeq + 1);
  return { firstSeq, lineCount, text: Array.from({ length: lineCount }, () => lostLine).join("\n") };
}
