import { expect, test } from "vitest";
import { parseMeasurement } from "./disk-watch.ts";

test.for([
  ["2048 3 0", 2048 * 1024],
  ["4 1000000 0", 4_096_000_000],
  ["2048 3 1024", 3072 * 1024],
] as const)("%s counts as %i bytes", ([line, bytes]) => {
  expect(parseMeasurement(line)).toBe(bytes);
});

test.for(["", "12", "1 2", "1  2", " 1 2", "a b c"])("'%s' is not a measurement", (line) => {
  expect(parseMeasurement(line)).toBeNull();
});
