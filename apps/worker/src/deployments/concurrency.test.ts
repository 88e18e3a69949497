import { expect, test } from "vitest";
import { defaultConcurrency } from "./concurrency.ts";

const gibi = 1024 ** 3;
const build = { buildCpus: 2, buildMemoryBytes: 2 * gibi, engineWorkers: 1 };

test.each([
  ["as many as the processors hold", 8, 64, build, 4],
  ["no more than three quarters of the memory hold", 32, 16, build, 6],
  ["divided among the workers of the engine", 16, 64, { ...build, engineWorkers: 3 }, 2],
  ["one on an engine that is smaller than a build", 1, 1, build, 1],
  ["one each, however many share the engine", 4, 64, { ...build, engineWorkers: 8 }, 1],
  ["a fraction of a processor a build", 2, 64, { ...build, buildCpus: 0.5 }, 4],
  ["not without end", 256, 4096, build, 16],
])("%s", (_title, cpus, memoryGibi, share, expected) => {
  expect(defaultConcurrency({ cpus, memoryBytes: memoryGibi * gibi }, share)).toBe(expected);
});
