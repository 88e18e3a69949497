import { expect, test } from "vitest";
import { defaultConcurrency } from "./concurrency.ts";

const gibi = 1024 ** 3;
const build = { cpus: 2, memoryBytes: 2 * gibi };
const alone = { workers: 1 };

test.each([
  ["a worker runs as many builds as the CPUs hold", 8, 64, { build, engine: alone }, 4],
  ["a worker runs as many builds as three quarters of the memory hold", 32, 16, { build, engine: alone }, 6],
  ["workers divide their engine among them", 16, 64, { build, engine: { workers: 3 } }, 2],
  ["an engine that is smaller than a build runs one build", 1, 1, { build, engine: alone }, 1],
  ["each of many workers on one engine runs one build", 4, 64, { build, engine: { workers: 8 } }, 1],
  ["a build may use a fraction of a CPU", 2, 64, { build: { ...build, cpus: 0.5 }, engine: alone }, 4],
  ["a worker runs at most 16 builds by default", 256, 4096, { build, engine: alone }, 16],
])("%s", (_title, cpus, memoryGibi, share, expected) => {
  expect(defaultConcurrency({ cpus, memoryBytes: memoryGibi * gibi }, share)).toBe(expected);
});
