import { expect, test } from "vitest";
import { summarizeFailure } from "./failure-summary.ts";

const numbered = (text: string) => text.split("\n").map((line, index) => ({ seq: 11 + index, text: line }));
const summaryOfText = (text: string) => summarizeFailure(numbered(text));

test("the buildpack's own last lines are the reason and the hint", () => {
  expect(
    summaryOfText(
      "-----> Installing\n !     package.json and package-lock.json do not agree.\n !     To fix it: run npm install.",
    ),
  ).toEqual({
    text: "package.json and package-lock.json do not agree.",
    hint: "To fix it: run npm install.",
    line: 12,
    isExplained: true,
  });
});

test("a buildpack that refers to the output above is completed with the program's words", () => {
  const output = [
    "       src/a.ts(3,1): error TS2322: Type 'string' is not assignable",
    "       npm error Lifecycle script `build` failed with error:",
    "       npm error code 2",
    "       npm error A complete log of this run can be found in: /tmp/x-debug-0.log",
    " !     The script build of package.json failed (see above).",
  ].join("\n");
  expect(summaryOfText(output)).toMatchObject({
    text: "The script build of package.json failed: src/a.ts(3,1): error TS2322: Type 'string' is not assignable",
    line: 15,
    isExplained: true,
  });
});

test("a warning long before the end is not the reason", () => {
  const output = ` !     This version is old\n${"building\n".repeat(20)}make: *** [all] Error 2`;
  expect(summaryOfText(output)).toMatchObject({ text: "make: *** [all] Error 2", isExplained: false });
});

test.each([
  [
    "node:internal/modules/cjs/loader:1228\n  throw err;\n  ^\n\nError: Cannot find module 'express'\n    at Module.load (node:x:1:2)\n  code: 'MODULE_NOT_FOUND',\n}\n\nNode.js v24.21.0",
    "Error: Cannot find module 'express'",
    15,
  ],
  [
    "Traceback\n  File x\nModuleNotFoundError: No module named 'flask'",
    "ModuleNotFoundError: No module named 'flask'",
    13,
  ],
  [
    "panic: runtime error: index out of range\n\ngoroutine 1 [running]:",
    "panic: runtime error: index out of range",
    11,
  ],
  ["one\ntwo\nthree\n", "three", 13],
  [
    "/app/bin/start: line 3: serve: command not found",
    "/app/bin/start: line 3: serve: command not found",
    11,
  ],
])("the last output of a program that printed %j is %j", (output, text, line) => {
  expect(summaryOfText(output)).toMatchObject({ text, line, hint: null, isExplained: false });
});

test("without output the reason is empty, and a long one is truncated", () => {
  expect(summaryOfText("")).toBeNull();
  expect(summaryOfText("\n  \n-----> Starting the app")).toBeNull();
  expect(summaryOfText("x".repeat(9_000))?.text).toHaveLength(500);
});
