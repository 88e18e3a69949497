// What the store promises about deployments' logs.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { LogChunk, LogStore } from "@slipway/core";
import { aLogChunk } from "../fixtures.ts";

const lines = (count: number, word = "line") => Array.from({ length: count }, () => word);

/** The context of the log tests: two connections to the same data. */
export interface LogsUnderTest {
  readonly store: () => { readonly logs: LogStore };
  readonly other: () => { readonly logs: LogStore };
}

/** Runs the suite's tests of logs, also for a store of logs alone. */
export function logsContract(underTest: LogsUnderTest): void {
  storedLogs(underTest);
  logsOfTwoAttempts(underTest);
  removedLogs(underTest);
}

function storedLogs(underTest: LogsUnderTest): void {
  const { store, other } = underTest;
  const { append, thirtyLines } = actionsOn(underTest);

  describe("a log", () => {
    test("a log without lines is empty", async () => {
      expect(await store().logs.lastSeq(randomUUID())).toBe(0);
      expect(await store().logs.read(randomUUID(), 1, 10)).toEqual([]);
    });

    test("a log is read in order from any line on, beginning with the chunk that contains it", async () => {
      const { deploymentId, chunks } = await thirtyLines();
      const from = async (seq: number, limit = 10) =>
        (await other().logs.read(deploymentId, seq, limit)).map((chunk) => chunk.firstSeq);
      expect(await other().logs.read(deploymentId, 1, 10)).toEqual(chunks);
      expect(await from(0)).toEqual([1, 11, 21]);
      expect(await from(10)).toEqual([1, 11, 21]);
      expect(await from(11)).toEqual([11, 21]);
      expect(await from(30)).toEqual([21]);
      expect(await from(31)).toEqual([]);
      expect(await from(1, 2)).toEqual([1, 11]);
      expect(await from(15, 1)).toEqual([11]);
      expect(await store().logs.lastSeq(deploymentId)).toBe(30);
    });

    test("a log is in order whatever the order in which its chunks were appended", async () => {
      const deploymentId = randomUUID();
      for (const firstSeq of [3, 1, 2]) await append(aLogChunk({ deploymentId, firstSeq }));
      const read = await store().logs.read(deploymentId, 1, 10);
      expect(read.map((chunk) => chunk.firstSeq)).toEqual([1, 2, 3]);
      expect(await store().logs.lastSeq(deploymentId)).toBe(3);
    });

    test("a log keeps any text: empty lines, other scripts, control characters, a megabyte", async () => {
      const texts = [["", "", ""], ["東京 🚢 é é"], ["\u001B[31mred\u001B[0m\r\t\0."], ["ü".repeat(500_000)]];
      for (const text of texts) {
        const chunk = aLogChunk({ lines: text });
        await append(chunk);
        expect(await store().logs.read(chunk.deploymentId, 1, 10)).toEqual([chunk]);
      }
    });

    test("a log has each chunk once, however often it is appended", async () => {
      const { deploymentId, chunks } = await thirtyLines();
      const again = chunks.flatMap((chunk) => [store().logs.append(chunk), other().logs.append(chunk)]);
      expect(new Set(await Promise.all(again))).toEqual(new Set([true]));
      expect(await store().logs.read(deploymentId, 1, 10)).toEqual(chunks);
    });
  });
}

function logsOfTwoAttempts(underTest: LogsUnderTest): void {
  const { store } = underTest;
  const { append, thirtyLines } = actionsOn(underTest);

  describe("a log that two attempts write", () => {
    test("a newer attempt's lines follow the older attempt's", async () => {
      const { deploymentId, chunks } = await thirtyLines();
      const next = aLogChunk({ deploymentId, firstSeq: 31, attempt: 2 });
      expect(await append(next)).toBe(true);
      expect(await store().logs.read(deploymentId, 1, 10)).toEqual([...chunks, next]);
    });

    test("a log has the newer attempt's chunk where two attempts wrote, whichever was appended first", async () => {
      const { deploymentId, chunks } = await thirtyLines(2);
      const [first, second] = chunks;
      const newer = aLogChunk({ deploymentId, firstSeq: 21, attempt: 3, lines: ["newer", "lines"] });
      const older = aLogChunk({ deploymentId, firstSeq: 21, attempt: 1, lines: ["older"] });
      expect(await append(older)).toBe(false);
      expect(await append(newer)).toBe(true);
      expect(await append(older)).toBe(false);
      // Stored chunks are refused too: their attempt must notice that it no longer owns this log.
      for (const again of chunks) expect(await append(again)).toBe(false);
      expect(await store().logs.read(deploymentId, 1, 10)).toEqual([first, second, newer]);
      expect(await store().logs.lastSeq(deploymentId)).toBe(22);
    });

    test("a log has no line twice where two attempts split it into different chunks", async () => {
      const { deploymentId, chunks } = await thirtyLines(1);
      const newer = aLogChunk({ deploymentId, firstSeq: 11, attempt: 2, lines: lines(4, "newer") });
      expect(await append(newer)).toBe(true);
      for (const firstSeq of [13, 15, 31]) {
        const late = aLogChunk({ deploymentId, firstSeq, attempt: 1, lines: lines(9, "older") });
        expect(await append(late)).toBe(false);
      }
      expect(await store().logs.read(deploymentId, 1, 10)).toEqual([chunks[0], newer]);
      expect(await store().logs.lastSeq(deploymentId)).toBe(14);
    });
  });
}

function removedLogs(underTest: LogsUnderTest): void {
  const { store } = underTest;
  const { append, thirtyLines } = actionsOn(underTest);

  describe("removing logs", () => {
    test("removing logs removes those given, also long ones, and no others", async () => {
      const long = randomUUID();
      for (let firstSeq = 1; firstSeq <= 450; firstSeq += 1)
        await append(aLogChunk({ deploymentId: long, firstSeq }));
      const [short, kept] = [await thirtyLines(), await thirtyLines()];
      await store().logs.remove([long, short.deploymentId, randomUUID()]);
      await store().logs.remove([]);
      expect(await store().logs.lastSeq(long)).toBe(0);
      expect(await store().logs.read(short.deploymentId, 1, 10)).toEqual([]);
      expect(await store().logs.read(kept.deploymentId, 1, 10)).toEqual(kept.chunks);
    });
  });
}

/** Calls that the tests of this file share. */
function actionsOn({ store }: LogsUnderTest) {
  const append = (chunk: LogChunk) => store().logs.append(chunk);
  /** Three chunks of ten lines. */
  const thirtyLines = async (attempt = 1) => {
    const deploymentId = randomUUID();
    const chunks = [1, 11, 21].map((firstSeq) =>
      aLogChunk({ deploymentId, firstSeq, attempt, lines: lines(10, `from ${firstSeq}`) }),
    );
    for (const chunk of chunks) expect(await append(chunk)).toBe(true);
    return { deploymentId, chunks };
  };
  return { append, thirtyLines };
}
