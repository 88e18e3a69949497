import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { unhandledRejections } from "../test-support/rejections.ts";
import { paced } from "./pace.ts";

const tooSlow = new Error("too slow");
const options = { periodMs: 1_000, minBytes: 100, error: () => tooSlow };

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const wait = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));

/** Yields chunks of these sizes, each after this many milliseconds. */
async function* chunks(...list: readonly (readonly [bytes: number, afterMs: number])[]) {
  for (const [bytes, afterMs] of list) {
    await wait(afterMs);
    yield new Uint8Array(bytes);
  }
}

/** Reads the stream while time passes. @returns the bytes read, or the error. */
async function read(source: AsyncIterator<Uint8Array>, consumeMs = 0): Promise<unknown> {
  const reading = (async () => {
    let bytes = 0;
    for await (const chunk of paced(source, options)) {
      bytes += chunk.length;
      if (consumeMs > 0) await wait(consumeMs);
    }
    return bytes;
  })().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(60_000);
  return await reading;
}

const times = (count: number, bytes: number, afterMs: number) =>
  Array.from({ length: count }, () => [bytes, afterMs] as const);

describe("paced", () => {
  test.for([
    ["a fast stream", chunks(...times(50, 1_000, 1)), 50_000],
    ["an empty stream", chunks(), 0],
    ["a stream of exactly the least rate", chunks(...times(20, 50, 500)), 1_000],
    ["a stream whose chunks are rare but large", chunks(...times(5, 100, 990)), 500],
    ["a slow stream that ends within a period", chunks([1, 900]), 1],
  ] as const)("%s is read to its end", async ([, source, bytes]) => {
    expect(await read(source)).toBe(bytes);
  });

  test.for([
    ["a stream that is silent", chunks([1, 60_000])],
    ["a stream that becomes silent", chunks([5_000, 1], [1, 60_000])],
    ["a stream of one byte each 200 ms", chunks(...times(300, 1, 200))],
    ["a stream that begins fast and continues slowly", chunks([5_000, 900], ...times(300, 1, 200))],
  ] as const)("%s is too slow", async ([, source]) => {
    expect(await read(source)).toBe(tooSlow);
  });

  test("a slow consumer does not make the stream too slow", async () => {
    expect(await read(chunks(...times(10, 10, 1)), 5_000)).toBe(100);
  });

  test("a stream is not read any more once it is too slow", async () => {
    const source = chunks([1, options.periodMs], [1, 1]);
    let reads = 0;
    const next = () => {
      reads += 1;
      return source.next();
    };
    expect(await read({ next })).toBe(tooSlow);
    expect(reads).toBe(1);
  });

  test("the error of the stream passes, also after the stream was too slow", async () => {
    const broken = new Error("broken");
    const failing = async function* () {
      await wait(10);
      yield new Uint8Array(1);
      throw broken;
    };
    expect(await read(failing())).toBe(broken);
    const late = Promise.withResolvers<IteratorResult<Uint8Array>>();
    expect(await read({ next: () => late.promise })).toBe(tooSlow);
    expect(await unhandledRejections(() => late.reject(broken))).toEqual([]);
  });
});
