// The display of a log: colors, the visible window, linked ranges.

import { describe, expect, test } from "vitest";
import { partsOf, plainOf } from "./ansi.ts";
import { hashOf, rangeIn } from "./line-range.ts";
import { lineWindow, scrollTopOf } from "./line-window.ts";

const escape = "\u001b";

describe("escape sequences", () => {
  test("colors become classes, and their text stays", () => {
    const line = `a ${escape}[31;1mred${escape}[0m b`;
    expect(partsOf(line)).toEqual([
      { text: "a ", look: "" },
      { text: "red", look: "ansi-red bold" },
      { text: " b", look: "" },
    ]);
    expect(plainOf(line)).toBe("a red b");
  });

  test("a line that was overwritten shows what a terminal shows", () => {
    expect(plainOf("10 %\r50 %\r100 %")).toBe("100 %");
    expect(plainOf("windows line\r")).toBe("windows line");
  });

  test("markup in a line is text", () => {
    expect(partsOf(`<b>${escape}[32m<script>`).map(({ text }) => text)).toEqual(["<b>", "<script>"]);
  });
});

describe("linked lines", () => {
  test.each([
    ["#L120", { from: 120, to: 120 }],
    ["#L120-L140", { from: 120, to: 140 }],
    ["#L140-120", { from: 120, to: 140 }],
    ["#L0", null],
    ["#other", null],
    ["", null],
  ])("%s names %o", (hash, range) => expect(rangeIn(hash)).toEqual(range));

  test("a range has an address", () => {
    expect([hashOf({ from: 3, to: 3 }), hashOf({ from: 3, to: 9 })]).toEqual(["L3", "L3-L9"]);
  });
});

describe("the visible window", () => {
  const view = { linePx: 20, viewPx: 600 };

  test("a short log renders what is near the view", () => {
    expect(lineWindow({ ...view, count: 10 }, 0)).toEqual({ first: 0, end: 10, topPx: 0, heightPx: 200 });
    expect(lineWindow({ ...view, count: 1_000 }, 2_000)).toEqual({
      first: 88,
      end: 142,
      topPx: 1_760,
      heightPx: 20_000,
    });
  });

  test.each([1_000_000, 5_000_000])(
    "the first, the last and any line of %i are reached by scrolling",
    (count) => {
      const long = { ...view, count };
      const { heightPx } = lineWindow(long, 0);
      expect(heightPx).toBeLessThanOrEqual(12_000_000);
      expect(lineWindow(long, 0).first).toBe(0);
      expect(lineWindow(long, heightPx - view.viewPx).end).toBe(count);
      for (const index of [0, 1, 12_345, count - 1]) {
        const { first, end } = lineWindow(long, scrollTopOf(long, index));
        expect(index >= first && index < end).toBe(true);
      }
    },
  );
});
