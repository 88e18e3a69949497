// Deployments' logs in MongoDB, in chunks of consecutive lines.
//
// A log has one head document, which contains the writing attempt and the line from which each attempt wrote. The head is
// raised before a chunk is stored, so an older attempt's chunk that arrives late is stored but not read: a chunk counts only
// where no newer attempt began at or before it.

import type { Db } from "mongodb";
import type { LogChunk, LogStore } from "@slipway/core";
import type { Connection } from "./connection.ts";
import { insertIfMissing } from "./documents.ts";
import { isDuplicate } from "./failures.ts";
import { pauseAfterLostRace } from "./lost-race.ts";

interface LogHead {
  /** The deployment's id. */
  readonly _id: string;
  /** The newest attempt that wrote. */
  readonly attempt: number;
  /** Attempt → sequence number of the first line that it wrote. */
  readonly begins: Readonly<Record<string, number>>;
}

type Begins = LogHead["begins"];
type ChunkDocument = LogChunk;
type ChunkRange = Pick<LogChunk, "attempt" | "firstSeq" | "lineCount">;

const heads = (database: Db) => database.collection<LogHead>("logHeads");
const chunks = (database: Db) => database.collection<ChunkDocument>("logChunks");
const withoutId = { _id: 0 } as const;

export const logQueries = {
  upTo: (deploymentId: string, seq: number) => ({ deploymentId, firstSeq: { $lte: seq } }),
  after: (deploymentId: string, seq: number) => ({ deploymentId, firstSeq: { $gt: seq } }),
  all: (deploymentId: string) => ({ deploymentId }),
} as const;

export function logStore(connection: Connection): LogStore {
  return {
    append: (chunk) => connection.run((database, signal) => append(database, chunk, signal)),
    read: (deploymentId, fromSeq, limit) =>
      connection.run((database, signal) => read(database, { deploymentId, fromSeq, limit, signal })),
    lastSeq: (deploymentId) => connection.run((database) => lastSeq(database, deploymentId)),
    remove: (deploymentIds) =>
      connection.run(async (database) => {
        for (const deploymentId of deploymentIds) {
          await chunks(database).deleteMany({ deploymentId });
          await heads(database).deleteOne({ _id: deploymentId });
        }
      }),
  };
}

async function append(database: Db, chunk: LogChunk, signal: AbortSignal): Promise<boolean> {
  const head = await raiseHead(database, chunk, signal);
  if (head === null) return false;
  try {
    await chunks(database).insertOne({ ...chunk });
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
  // No reader needs them any more; an attempt's first write removes them.
  if (head.attempt < chunk.attempt) await removeOutlived(database, chunk);
  return true;
}

/** @returns the head before the change, or null when a newer attempt has written. */
async function raiseHead(
  database: Db,
  { deploymentId, attempt, firstSeq }: LogChunk,
  signal: AbortSignal,
): Promise<Pick<LogHead, "attempt"> | null> {
  for (let round = 0; ; round += 1) {
    await pauseAfterLostRace(round, signal);
    const before = await heads(database).findOneAndUpdate(
      { _id: deploymentId, attempt: { $lte: attempt } },
      { $set: { attempt }, $min: { [`begins.${attempt}`]: firstSeq } },
      { returnDocument: "before" },
    );
    if (before !== null) return before;
    const first = { _id: deploymentId, attempt, begins: { [attempt]: firstSeq } };
    if (await insertIfMissing(heads(database), first)) return first;
    const found = await heads(database).findOne({ _id: deploymentId });
    if (found !== null && found.attempt > attempt) return null;
  }
}

async function removeOutlived(database: Db, { deploymentId, firstSeq, attempt }: LogChunk): Promise<void> {
  await chunks(database).deleteMany({
    deploymentId,
    firstSeq: { $gte: firstSeq },
    attempt: { $lt: attempt },
  });
}

async function read(
  database: Db,
  {
    deploymentId,
    fromSeq,
    limit,
    signal,
  }: {
    readonly deploymentId: string;
    readonly fromSeq: number;
    readonly limit: number;
    readonly signal: AbortSignal;
  },
): Promise<LogChunk[]> {
  for (let round = 0; ; round += 1) {
    await pauseAfterLostRace(round, signal);
    const head = await heads(database).findOne({ _id: deploymentId });
    if (head === null) return [];
    const found = await readUnder(database, head, fromSeq, limit);
    // Otherwise a newer attempt took over in between, and the result may contain lines of both.
    if (found.every(({ attempt }) => attempt <= head.attempt)) return found;
  }
}

async function readUnder(
  database: Db,
  { _id: deploymentId, begins }: LogHead,
  fromSeq: number,
  limit: number,
): Promise<LogChunk[]> {
  const found: LogChunk[] = [];
  const options = { projection: withoutId };
  const before = chunks(database)
    .find(logQueries.upTo(deploymentId, fromSeq), options)
    .sort({ firstSeq: -1 });
  for await (const chunk of before.batchSize(2)) {
    if (!counts(chunk, begins)) continue;
    if (chunk.firstSeq + chunk.lineCount > fromSeq) found.push(chunk);
    break;
  }
  if (found.length >= limit) return found;
  const after = chunks(database).find(logQueries.after(deploymentId, fromSeq), options).sort({ firstSeq: 1 });
  for await (const chunk of after.batchSize(limit + 1)) {
    if (counts(chunk, begins)) found.push(chunk);
    if (found.length >= limit) break;
  }
  return found;
}

async function lastSeq(database: Db, deploymentId: string): Promise<number> {
  const head = await heads(database).findOne({ _id: deploymentId });
  if (head === null) return 0;
  const projection = { _id: 0, attempt: 1, firstSeq: 1, lineCount: 1 } as const;
  const newestFirst = chunks(database)
    .find<ChunkRange>(logQueries.all(deploymentId), { projection })
    .sort({ firstSeq: -1 });
  for await (const chunk of newestFirst.batchSize(2)) {
    if (counts(chunk, head.begins)) return chunk.firstSeq + chunk.lineCount - 1;
  }
  return 0;
}

/** Whether the chunk is part of the log: no newer attempt began at its first line or before. */
function counts({ attempt, firstSeq }: ChunkRange, begins: Begins): boolean {
  return Object.entries(begins).every(([other, begin]) => Number(other) <= attempt || begin > firstSeq);
}
