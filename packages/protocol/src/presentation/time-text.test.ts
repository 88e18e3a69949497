import { expect, test } from "vitest";
import { ageText, durationText } from "./time-text.ts";

test.each([
  [-3_000, "0.0 s"],
  [0, "0.0 s"],
  [9_949, "9.9 s"],
  [59_999, "59 s"],
  [60_000, "1 min 0 s"],
  [119_999, "1 min 59 s"],
  [3_599_999, "59 min 59 s"],
  [90 * 60_000, "1 h 30 min"],
  [26 * 3_600_000, "26 h 0 min"],
])("a duration of %i ms is shown as %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [-3_000, "just now"],
  [0, "just now"],
  [12_345, "12 s ago"],
  [3 * 60_000, "3 min. ago"],
  [2 * 3_600_000, "2 hr. ago"],
  [24 * 3_600_000, "yesterday"],
])("an age of %i ms is shown as %s", (ms, text) => {
  expect(ageText(ms)).toBe(text);
});
