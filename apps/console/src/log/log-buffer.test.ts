// The log's lines in memory: their order, resumption, a million lines.

import { describe, expect, test } from "vitest";
import { LogBuffer } from "./log-buffer.ts";
import { LogSearch } from "./log-search.ts";

const linesOf = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);

describe("the log buffer", () => {
  test("lines are found by number across sealed chunks, also empty ones", () => {
    const buffer = new LogBuffer();
    buffer.append(1, linesOf(1, 3_000));
    buffer.append(3_001, ["", "last"]);
    expect([1, 1_024, 1_025, 2_049, 3_000, 3_001, 3_002, 3_003].map((number) => buffer.line(number))).toEqual(
      ["line 1", "line 1024", "line 1025", "line 2049", "line 3000", "", "last", ""],
    );
  });

  test("a resumed follower appends each line once, and a gap is refused", () => {
    const buffer = new LogBuffer();
    expect(buffer.append(1, linesOf(1, 10))).toBe(true);
    expect(buffer.append(5, linesOf(5, 12))).toBe(true);
    expect(buffer.append(14, ["line 14"])).toBe(false);
    expect(buffer.text()).toBe(
      linesOf(1, 12)
        .map((line) => `${line}\n`)
        .join(""),
    );
  });

  test.each([0, 5, 1_024, 1_500, 2_048])("lines after line %i are replaced", (kept) => {
    const buffer = new LogBuffer();
    buffer.append(1, linesOf(1, 2_100));
    const search = new LogSearch(buffer, "other");
    while (search.step());
    buffer.truncate(kept);
    expect(buffer.count).toBe(kept);
    buffer.append(kept + 1, ["other", "lines"]);
    while (search.step());
    expect([search.count, search.match(0)]).toEqual([1, kept + 1]);
    expect([buffer.count, buffer.line(kept), buffer.line(kept + 1), buffer.line(kept + 3)]).toEqual([
      kept + 2,
      kept === 0 ? "" : `line ${kept}`,
      "other",
      "",
    ]);
  });

  test("times are kept by line, one for a batch or one for each", () => {
    const buffer = new LogBuffer();
    buffer.append(1, ["a", "b"]);
    buffer.append(2, ["b", "c", "d"], [1, 2, 3]);
    buffer.append(5, ["e", "f"], 9);
    expect([1, 2, 3, 4, 5, 6, 7].map((number) => buffer.time(number))).toEqual([NaN, NaN, 2, 3, 9, 9, NaN]);
  });

  test("a million lines are stored, read and searched", () => {
    const buffer = new LogBuffer();
    for (let from = 1; from < 1_000_000; from += 1_000) buffer.append(from, linesOf(from, from + 999));
    expect([buffer.count, buffer.line(1_000_000), buffer.line(654_321)]).toEqual([
      1_000_000,
      "line 1000000",
      "line 654321",
    ]);
    const search = new LogSearch(buffer, "LINE 99999");
    while (search.step());
    expect([search.count, search.match(0), search.match(10)]).toEqual([11, 99_999, 999_999]);
    expect([search.indexFrom(1), search.indexFrom(100_000), search.indexFrom(1_000_000)]).toEqual([0, 1, 11]);
  });
});
