import { expect, test } from "vitest";
import { RecentLines } from "./recent-lines.ts";

const batch = (firstSeq: number, ...lines: string[]) => ({
  firstSeq,
  lineCount: lines.length,
  text: lines.join("\n"),
});

test("the latest lines keep their numbers over batches", () => {
  const recent = new RecentLines();
  expect(recent.lines()).toEqual([]);
  recent.add(batch(1, "one", ""));
  recent.add(batch(3, "three"));
  expect(recent.lines()).toEqual([
    { seq: 1, text: "one" },
    { seq: 2, text: "" },
    { seq: 3, text: "three" },
  ]);
});

test("the last hundred of any number of lines are kept", () => {
  const recent = new RecentLines();
  for (let seq = 1; seq <= 1_000; seq += 1) recent.add(batch(seq, String(seq)));
  const seqs = recent.lines().map(({ seq }) => seq);
  expect([seqs.length, seqs[0], seqs.at(-1)]).toEqual([100, 901, 1_000]);
  const long = Array.from({ length: 500 }, (_, index) => String(1_001 + index));
  recent.add(batch(1_001, ...long));
  expect(recent.lines().at(-100)).toEqual({ seq: 1_401, text: "1401" });
});
