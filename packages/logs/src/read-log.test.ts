import { redisKeys } from "@slipway/protocol";
import { aLogChunk } from "@slipway/testkit";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { readLog } from "./read-log.ts";
import { linesFrom, linesTo, splitBatch } from "./tail.ts";
import type { LineBatch } from "./tail.ts";
import { MemoryStore } from "../test-support/memory-store.ts";

const deploymentId = "d-1";
const keys = redisKeys("test");

test("a finished log is read without Redis, from any line", async () => {
  const store = new MemoryStore();
  for (const firstSeq of [1, 4, 7]) await store.logs.append(chunk(firstSeq, 3));
  expect(await linesRead(store, 1, 9)).toEqual(numbers(1, 9));
  expect(await linesRead(store, 5, 9)).toEqual(numbers(5, 9));
});

test("overlapping chunks of two attempts yield each line once", async () => {
  const store = new MemoryStore();
  const stored = [chunk(1, 4), chunk(3, 6, 2), chunk(5, 2, 2), chunk(9, 1, 2)];
  for (const each of stored) expect(await store.logs.append(each)).toBe(true);
  expect(await linesRead(store, 1, 9)).toEqual(numbers(1, 9));
});

test("a batch can be cut at any line", () => {
  const batch: LineBatch = { firstSeq: 5, lineCount: 4, text: "a\n\nc\n" };
  expect(linesFrom(batch, 5)).toBe(batch);
  expect(linesFrom(batch, 6)).toEqual({ firstSeq: 6, lineCount: 3, text: "\nc\n" });
  expect(linesFrom(batch, 8)).toEqual({ firstSeq: 8, lineCount: 1, text: "" });
  expect(linesTo(batch, 8)).toBe(batch);
  expect(linesTo(batch, 7)).toEqual({ firstSeq: 5, lineCount: 3, text: "a\n\nc" });
  expect(linesTo(batch, 5)).toEqual({ firstSeq: 5, lineCount: 1, text: "a" });
});

test("a batch is split by lines and by characters, and a long line stays whole", () => {
  const texts = (text: string, lines: number, chars: number) =>
    [...splitBatch({ firstSeq: 5, lineCount: text.split("\n").length, text }, { lines, chars })].map(
      (part) => [part.firstSeq, part.lineCount, part.text],
    );
  expect(texts("\n\n\n", 3, 10)).toEqual([
    [5, 3, "\n\n"],
    [8, 1, ""],
  ]);
  expect(texts("aaaa\nb\nc\n", 9, 3)).toEqual([
    [5, 1, "aaaa"],
    [6, 2, "b\nc"],
    [8, 1, ""],
  ]);
  const small: LineBatch = { firstSeq: 1, lineCount: 2, text: "a\nb" };
  expect([...splitBatch(small, { lines: 2, chars: 3 })][0]).toBe(small);
});

function chunk(firstSeq: number, lineCount: number, attempt = 1) {
  return aLogChunk({ deploymentId, firstSeq, attempt, lines: numbers(firstSeq, firstSeq + lineCount - 1) });
}

function numbers(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
}

async function linesRead(store: MemoryStore, fromSeq: number, untilSeq: number): Promise<string[]> {
  // This client is never connected, so commands would fail.
  const redis = new Redis({ lazyConnect: true, enableOfflineQueue: false });
  const lines: string[] = [];
  for await (const batch of readLog({
    bus: { redis, keys },
    logs: store.logs,
    deploymentId,
    fromSeq,
    untilSeq,
  })) {
    lines.push(...batch.text.split("\n"));
  }
  return lines;
}
