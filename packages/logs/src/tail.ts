// Reads the tail of a log in Redis: its latest batches, in a stream with the ids `firstSeq-lineCount`.

import type { Bus } from "@slipway/bus";
import { logMessage } from "@slipway/protocol";
import type { LogMessage } from "@slipway/protocol";

/** Consecutive lines of one log. */
export interface LineBatch {
  readonly firstSeq: number;
  readonly lineCount: number;
  /** The lines joined by newlines, without a trailing newline. */
  readonly text: string;
  /** When the first line was written; for stored lines, the time of their chunk. Unknown for some lines of an older version. */
  readonly at?: Date;
  /** The attempt that published or stored the lines. Unknown for lines of the previous version in Redis. */
  readonly attempt?: number;
}

/** Size at which a read ends. A batch has one line up to tens of KiB, depending on how fast Redis acknowledged the previous ones. */
const charsPerRead = 256 * 1024;
const firstEntries = 4;
const maxEntries = 1_000;

/**
 * Reads the next batches of the tail with lines from `fromSeq` on, in order, about 256 KiB; none at the tail's end. The first
 * batch may begin before `fromSeq`, or after it when the lines in between were trimmed, because they are in the store.
 */
export async function readTail(
  { redis, keys }: Bus,
  deploymentId: string,
  fromSeq: number,
): Promise<LineBatch[]> {
  const tail = keys.logTail(deploymentId);
  const batches = await readBatches(redis, tail, fromSeq);
  if (batches[0]?.firstSeq === fromSeq) return batches;
  const [before] = await redis.xrevrange(tail, `(${fromSeq}-0`, "-", "COUNT", 1);
  if (before === undefined) return batches;
  const earlier = batchOf(before);
  return lastSeqOf(earlier) >= fromSeq ? [earlier, ...batches] : batches;
}

/** Reads a few batches, then as many more as their size suggests. Stops before a gap: the tail may be trimmed between two reads. */
async function readBatches(redis: Bus["redis"], tail: string, fromSeq: number): Promise<LineBatch[]> {
  const batches: LineBatch[] = [];
  let [from, count, chars] = [String(fromSeq), firstEntries, 0];
  while (count > 0) {
    const entries = await redis.xrange(tail, from, "+", "COUNT", count);
    for (const entry of entries) {
      const batch = batchOf(entry);
      const previous = batches.at(-1);
      if (previous !== undefined && batch.firstSeq !== lastSeqOf(previous) + 1) return batches;
      batches.push(batch);
      chars += batch.text.length + 1;
      from = `(${entry[0]}`;
    }
    if (entries.length < count) break;
    count = Math.min(maxEntries, Math.floor((charsPerRead - chars) / (chars / batches.length)));
  }
  return batches;
}

/** Sequence number of the last line of a batch. */
export function lastSeqOf(batch: { readonly firstSeq: number; readonly lineCount: number }): number {
  return batch.firstSeq + batch.lineCount - 1;
}

/** @returns the batch's lines from `fromSeq` on. The batch must contain that line. */
export function linesFrom(batch: LineBatch, fromSeq: number): LineBatch {
  if (fromSeq <= batch.firstSeq) return batch;
  let start = 0;
  for (let seq = batch.firstSeq; seq < fromSeq; seq += 1) start = batch.text.indexOf("\n", start) + 1;
  return {
    ...batch,
    firstSeq: fromSeq,
    lineCount: batch.lineCount - (fromSeq - batch.firstSeq),
    text: batch.text.slice(start),
  };
}

/** @returns the batch's lines up to and including `lastSeq`. The batch must contain that line. */
export function linesTo(batch: LineBatch, lastSeq: number): LineBatch {
  if (lastSeq >= lastSeqOf(batch)) return batch;
  const rest = linesFrom(batch, lastSeq + 1);
  return {
    ...batch,
    lineCount: batch.lineCount - rest.lineCount,
    text: batch.text.slice(0, batch.text.length - rest.text.length - 1),
  };
}

/**
 * Splits a batch into parts of at most `max` lines and characters. A longer line becomes a part of its own. A batch within the limits
 * is yielded unchanged.
 */
export function* splitBatch(
  batch: LineBatch,
  max: { readonly lines: number; readonly chars: number },
): Generator<LineBatch, void> {
  const { text } = batch;
  if (batch.lineCount <= max.lines && text.length <= max.chars) {
    yield batch;
    return;
  }
  for (let [firstSeq, start] = [batch.firstSeq, 0]; firstSeq <= lastSeqOf(batch);) {
    let lineCount = 1;
    let end = endOfLine(text, start);
    while (lineCount < max.lines && end < text.length) {
      const next = endOfLine(text, end + 1);
      if (next - start > max.chars) break;
      lineCount += 1;
      end = next;
    }
    yield { ...batch, firstSeq, lineCount, text: text.slice(start, end) };
    firstSeq += lineCount;
    start = end + 1;
  }
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf("\n", start);
  return end === -1 ? text.length : end;
}

/** @param text lines joined by newlines. An empty text is one empty line. */
export function countLines(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

function batchOf([id, fields]: [id: string, fields: string[]]): LineBatch {
  const message = logMessage.parse(JSON.parse(fields[1] ?? ""));
  return batchOfMessage(message, Number(id.slice(id.indexOf("-") + 1)));
}

/** Converts a message of the bus into a batch of lines. @param lineCount number of lines in its text. */
export function batchOfMessage({ firstSeq, text, at, attempt }: LogMessage, lineCount: number): LineBatch {
  const time = at === undefined ? {} : { at: new Date(at) };
  return { firstSeq, lineCount, text, ...time, ...(attempt === undefined ? {} : { attempt }) };
}

/** Joins consecutive batches. @returns undefined for an empty list. */
export function joinBatches(batches: readonly LineBatch[]): LineBatch | undefined {
  const [first] = batches;
  if (first === undefined) return undefined;
  return {
    ...first,
    lineCount: batches.reduce((sum, { lineCount }) => sum + lineCount, 0),
    text: batches.map(({ text }) => text).join("\n"),
  };
}
