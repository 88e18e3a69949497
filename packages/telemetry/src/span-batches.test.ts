import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SpanBatches } from "./span-batches.ts";
import type { SpanRecord } from "./spans.ts";

const at = new Date("2026-01-02T03:04:05Z");
const spanNamed = (name: string): SpanRecord => ({
  traceId: "a".repeat(32),
  spanId: "b".repeat(16),
  parentSpanId: null,
  name,
  kind: "internal",
  startedAt: at,
  finishedAt: at,
  failure: null,
  attributes: {},
});

let sent: string[];
let responses: (() => void)[];
let batches: SpanBatches;

beforeEach(() => {
  vi.useFakeTimers();
  [sent, responses] = [[], []];
  batches = new SpanBatches({
    send: async (spans) => {
      sent.push(spans.map(({ name }) => name).join(""));
      await new Promise<void>((resolve) => void responses.push(resolve));
    },
    delayMs: 1_000,
    maxSpans: 3,
    maxQueuedSpans: 5,
  });
});
afterEach(() => void vi.useRealTimers());

const add = (names: string) => {
  for (const name of names) batches.add(spanNamed(name));
};

test("spans are collected into a batch until the first of them has waited long enough", async () => {
  add("a");
  await vi.advanceTimersByTimeAsync(900);
  add("b");
  expect(sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(100);
  expect(sent).toEqual(["ab"]);
});

test("a full batch is sent at once; later spans wait for the response, then for others", async () => {
  add("abcd");
  expect(sent).toEqual(["abc"]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sent).toEqual(["abc"]);
  responses.shift()?.();
  await vi.advanceTimersByTimeAsync(999);
  expect(sent).toEqual(["abc"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(sent).toEqual(["abc", "d"]);
});

test("spans above the limit are dropped while the collector does not respond", async () => {
  add("abc123456789");
  responses.shift()?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual(["abc", "123"]);
  responses.shift()?.();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent).toEqual(["abc", "123", "45"]);
});

test("closing sends all waiting spans, and waits for every response", async () => {
  add("abc1234");
  let isDone = false;
  const done = batches[Symbol.asyncDispose]().then(() => (isDone = true));
  expect(sent).toEqual(["abc", "123", "4"]);
  for (const respond of responses) {
    expect(isDone).toBe(false);
    respond();
    await vi.advanceTimersByTimeAsync(0);
  }
  await done;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sent).toHaveLength(3);
});
