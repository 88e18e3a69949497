import { expect, test } from "vitest";
import { phrasesIn } from "./phrases.ts";

test.each([
  "Whoever asks is refused",
  "it hands the rest back to the queue",
  "what was handed\nback",
  "put right by the next run",
  "without a sign of life",
  "until every router is rid of it",
  "a worker that was told to stop",
  "archives until upkeep removes them",
  "So long a slot is kept",
  "/** Of the engine; its default when undefined. */",
  "// Those of other services",
])("phrasesIn finds the phrase in: %s", (text) => {
  expect(phrasesIn(text)).toHaveLength(1);
});

test.each([
  "back in the hand",
  "an upright order",
  "She tolled the bell",
  "so long as it runs",
  "back to the hands",
  "// Official images. Of these, the newest",
])("phrasesIn finds nothing in: %s", (text) => {
  expect(phrasesIn(text)).toEqual([]);
});

test("phrasesIn says on which line a phrase is, and what to write instead", () => {
  expect(phrasesIn("One line.\nNo sign of life.\n")).toEqual([
    { line: 2, text: "sign of life", instead: "heartbeat" },
  ]);
});

test("phrasesIn leaves out the code in Markdown, and keeps count of its lines", () => {
  const text = "The file `upkeep.ts`.\n\n```sh\nupkeep\n```\n\nThen upkeep.\n";
  expect(phrasesIn(text, true).map(({ line }) => line)).toEqual([7]);
  expect(phrasesIn(text)).toHaveLength(3);
});
