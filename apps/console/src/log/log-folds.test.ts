import { describe, expect, test } from "vitest";
import { LogBuffer } from "./log-buffer.ts";
import { FoldedSections, LogFolds } from "./log-folds.ts";

const text = ["start", "-----> one", "a", "b", "-----> two", "-----> three", "c"];
const headers = [2, 5, 6];
const shown = (folded: number[], count = text.length) => {
  const folds = new LogFolds(headers, new Set(folded), count);
  return Array.from({ length: folds.count }, (_, index) => folds.lineAt(index));
};

describe("folded sections of a log", () => {
  test("the buffer notes the headers as lines arrive", () => {
    const buffer = new LogBuffer();
    buffer.append(1, text.slice(0, 4));
    buffer.append(3, text.slice(2));
    expect(buffer.headers).toEqual(headers);
  });

  test("a folded section keeps its header and hides its lines, the last one also those that arrive later", () => {
    expect(shown([])).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(shown([2])).toEqual([1, 2, 5, 6, 7]);
    expect(shown([6, 2])).toEqual([1, 2, 5, 6]);
    expect(shown([2, 5, 6], 1_000)).toEqual([1, 2, 5, 6]);
  });

  test("folds of dropped lines are forgotten, although other lines get their numbers at once", () => {
    const buffer = new LogBuffer();
    const folded = new FoldedSections(buffer);
    buffer.append(1, text);
    folded.set(buffer.headers);
    buffer.truncate(3);
    expect(new LogFolds(buffer.headers, folded.headers, buffer.count).count).toBe(2);
    buffer.append(4, ["b", "-----> other", "c"]);
    expect([...folded.headers]).toEqual([2]);
    expect(new LogFolds(buffer.headers, folded.headers, buffer.count).count).toBe(4);
  });

  test("a line's index leads back to it, and a hidden line has the index of its header", () => {
    for (const folded of [[], [2], [5], [6], [2, 6]]) {
      const folds = new LogFolds(headers, new Set(folded), text.length);
      for (let index = 0; index < folds.count; index += 1)
        expect([folded, folds.indexOf(folds.lineAt(index))]).toEqual([folded, index]);
    }
    const folds = new LogFolds(headers, new Set([2, 6]), text.length);
    expect([folds.indexOf(3), folds.indexOf(4), folds.indexOf(7)]).toEqual([1, 1, 3]);
  });

  test("each line belongs to the header before it", () => {
    const folds = new LogFolds(headers, new Set(), text.length);
    expect([1, 2, 4, 5, 7].map((number) => folds.headerOf(number))).toEqual([null, 2, 2, 5, 6]);
    expect([2, 5, 6].map((header) => folds.lastOf(header))).toEqual([4, 5, 7]);
  });

  test("a million lines in ten thousand folded sections are found by index", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => index * 100 + 1);
    const folds = new LogFolds(many, new Set(many), 1_000_000);
    expect([folds.count, folds.lineAt(9_999), folds.indexOf(1_000_000)]).toEqual([10_000, 999_901, 9_999]);
  });
});
