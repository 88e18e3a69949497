import { expect, test } from "vitest";
import { SharedReads } from "./shared-reads.ts";
import type { SharedRead } from "./shared-reads.ts";
import { SizedCache } from "./sized-cache.ts";

const read: SharedRead = { source: "store", deploymentId: "d-1", attempt: 1, fromSeq: 1 };
const batch = (firstSeq: number, text: string) => ({ firstSeq, lineCount: 1, text });

/** A `load` function that counts its calls. */
function loader(...batches: ReturnType<typeof batch>[]) {
  const load = async () => {
    load.calls += 1;
    return batches;
  };
  load.calls = 0;
  return load;
}

test("readers at the same line receive the same objects from one read, also when they come later", async () => {
  const reads = new SharedReads();
  const load = loader(batch(1, "a"));
  const [first, second] = await Promise.all([reads.read(read, load), reads.read(read, load)]);
  expect(second).toBe(first);
  expect(await reads.read(read, load)).toBe(first);
  expect(load.calls).toBe(1);
});

test.each([
  ["line", { fromSeq: 2 }],
  ["source", { source: "tail" }],
  ["deployment", { deploymentId: "d-2" }],
  ["attempt, which may have replaced lines", { attempt: 2 }],
] as const)("a reader of another %s reads for itself", async (_what, other) => {
  const reads = new SharedReads();
  const load = loader(batch(1, "a"), batch(2, "b"));
  await reads.read(read, load);
  await reads.read({ ...read, ...other }, load);
  expect(load.calls).toBe(2);
});

test("a read that fails, or does not find its line, is repeated by the next reader", async () => {
  const reads = new SharedReads();
  const failing = () => Promise.reject(new Error("unavailable"));
  await expect(reads.read(read, failing)).rejects.toThrow("unavailable");
  const missing = [loader(), loader(batch(2, "b"))];
  for (const load of missing) await reads.read(read, load);
  expect(missing.map(({ calls }) => calls)).toEqual([1, 1]);
});

test("the kept lines never exceed their limit, and a larger read is not kept", async () => {
  const reads = new SharedReads(100);
  for (let fromSeq = 1; fromSeq <= 20; fromSeq += 1) {
    await reads.read({ ...read, fromSeq }, loader(batch(fromSeq, "x".repeat(30))));
    expect(reads.keptChars).toBeLessThanOrEqual(100);
  }
  expect(reads.keptChars).toBe(93);
  await reads.read({ ...read, fromSeq: 21 }, loader(batch(21, "x".repeat(200))));
  expect(reads.keptChars).toBe(93);
});

test("a sized cache removes the values used longest ago", () => {
  const cache = new SizedCache<string, number>(3);
  for (const [index, key] of ["a", "b", "c"].entries()) cache.set(key, index, 1);
  cache.get("a");
  cache.set("d", 3, 1);
  expect(["a", "b", "c", "d"].map((key) => cache.get(key))).toEqual([0, undefined, 2, 3]);
  cache.set("d", 4, 2);
  expect(cache.size).toBe(3);
  expect(["a", "c", "d"].map((key) => cache.get(key))).toEqual([undefined, 2, 4]);
});
