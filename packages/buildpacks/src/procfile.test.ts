import { expect, test } from "vitest";
import { parseProcfile } from "./procfile.ts";

test("a Procfile is parsed into types and commands, with any line ending, comments and blank lines", () => {
  const text = "\uFEFF# what runs\r\nweb: npm start -- --port $PORT\r\n\r\n  worker1 :  node w.js a:b  \n";
  expect(parseProcfile(text)).toEqual({
    processTypes: { web: "npm start -- --port $PORT", worker1: "node w.js a:b" },
    problems: [],
  });
});

test.each([
  ["web npm start", /line 1: the line must have the form/],
  [": npm start", /line 1: the line must have the form/],
  ["web:", /no command/],
  ["my-worker: x", /"my-worker" is not a valid/],
  ["web_1: x", /"web_1" is not a valid/],
  [`${"a".repeat(25)}: x`, /1 to 24 letters and digits/],
  ["__proto__: x", /"__proto__" is not a valid/],
])("the line %j of a Procfile is ignored, and its problem reported", (line, problem) => {
  const { processTypes, problems } = parseProcfile(`${line}\nok: yes`);
  expect(processTypes).toEqual({ ok: "yes" });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(problem);
});

test("the first of two definitions of a type is used", () => {
  const { processTypes, problems } = parseProcfile("web: one\nweb: two");
  expect(processTypes).toEqual({ web: "one" });
  expect(problems).toEqual([
    "Procfile line 2: the process type web is already defined; the first definition is used",
  ]);
});

test("names of process types may have 24 characters, and may be properties of Object.prototype", () => {
  expect(parseProcfile(`${"a".repeat(24)}: x\nconstructor: y`).problems).toEqual([]);
});
