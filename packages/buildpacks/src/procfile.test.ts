import { expect, test } from "vitest";
import { parseProcfile } from "./procfile.ts";

test("takes types and commands, whatever the line ends, with comments and blanks", () => {
  const text = "\uFEFF# what runs\r\nweb: npm start -- --port $PORT\r\n\r\n  worker1 :  node w.js a:b  \n";
  expect(parseProcfile(text)).toEqual({
    processTypes: { web: "npm start -- --port $PORT", worker1: "node w.js a:b" },
    problems: [],
  });
});

test.each([
  ["web npm start", /line 1: it is not of the form/],
  [": npm start", /line 1: it is not of the form/],
  ["web:", /no command/],
  ["my-worker: x", /"my-worker" is not/],
  ["web_1: x", /"web_1" is not/],
  [`${"a".repeat(25)}: x`, /1 to 24 letters and digits/],
  ["__proto__: x", /"__proto__" is not/],
])("leaves out %j and says why", (line, problem) => {
  const { processTypes, problems } = parseProcfile(`${line}\nok: yes`);
  expect(processTypes).toEqual({ ok: "yes" });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(problem);
});

test("the first of two commands for a type counts", () => {
  const { processTypes, problems } = parseProcfile("web: one\nweb: two");
  expect(processTypes).toEqual({ web: "one" });
  expect(problems).toEqual(["Procfile line 2: the process type web is there already; the first one counts"]);
});

test("24 characters are allowed, and names that objects have of their own", () => {
  expect(parseProcfile(`${"a".repeat(24)}: x\nconstructor: y`).problems).toEqual([]);
});
