import { expect, test } from "vitest";
import { countTests, endOfRun, failuresIn, filesToRepeat, withSecondRun } from "./test-outcome.ts";

const file = (status: string, ...tests: string[]) => ({
  name: "/clone/a.test.ts",
  status,
  message: "",
  assertionResults: tests.map((one) => ({ fullName: "it works", status: one, failureMessages: [] })),
});

test("countTests counts the tests", () => {
  const testResults = [file("passed", "passed", "passed"), file("failed", "failed", "passed")];
  expect(countTests({ numPassedTests: 3, numFailedTests: 1, testResults }, 1)).toEqual({
    passed: 3,
    failed: 1,
  });
});

test("countTests counts a file that cannot be loaded as one failure", () => {
  const testResults = [file("passed", "passed"), file("failed")];
  expect(countTests({ numPassedTests: 1, numFailedTests: 0, testResults }, 1)).toEqual({
    passed: 1,
    failed: 1,
  });
});

test("the report of a test run a failed run counts at least one failure", () => {
  expect(countTests(undefined, 1)).toEqual({ passed: 0, failed: 1 });
  expect(countTests({ numPassedTests: 2, numFailedTests: 0, testResults: [] }, 130)).toEqual({
    passed: 2,
    failed: 1,
  });
});

test("failuresIn reports failed tests and tests that passed on a retry, but no passed tests", () => {
  const tried = (status: string, ...failureMessages: string[]) => ({
    fullName: "it works",
    status,
    failureMessages,
  });
  const testResults = [
    { ...file("failed"), message: "cannot be loaded" },
    {
      ...file("failed"),
      assertionResults: [tried("failed", "no", "never"), tried("passed", "not yet"), tried("passed")],
    },
    file("passed", "passed"),
  ];
  expect(failuresIn({ numPassedTests: 3, numFailedTests: 1, testResults })).toEqual([
    "failed: /clone/a.test.ts\ncannot be loaded",
    "failed: /clone/a.test.ts > it works\nno\nnever",
    "failed at first: /clone/a.test.ts > it works\nnot yet",
  ]);
});

test("a second run of the files that failed replaces their results, and is reported", () => {
  const hookFailed = { ...file("failed", "passed", "skipped"), message: "hook timed out" };
  const other = { ...file("passed", "passed"), name: "/clone/b.test.ts" };
  const first = { numPassedTests: 2, numFailedTests: 0, testResults: [other, hookFailed] };
  expect(filesToRepeat(first, [])).toEqual(["/clone/a.test.ts"]);
  const second = { numPassedTests: 2, numFailedTests: 0, testResults: [file("passed", "passed", "passed")] };
  const both = withSecondRun(first, second);
  expect(countTests(both, 0)).toEqual({ passed: 3, failed: 0 });
  expect(failuresIn(both)).toEqual([
    "failed at first: /clone/a.test.ts\nfailed: /clone/a.test.ts\nhook timed out",
  ]);
  const again = withSecondRun(first, {
    ...second,
    numPassedTests: 0,
    testResults: [file("failed", "skipped")],
  });
  expect(countTests(again, 1)).toEqual({ passed: 1, failed: 1 });
});

test("a second run replaces the results of failed tests", () => {
  const tried = (fullName: string, status: string, ...failureMessages: string[]) => ({
    fullName,
    status,
    failureMessages,
  });
  const failing = {
    ...file("failed"),
    assertionResults: [tried("it works", "failed", "timed out"), tried("it starts", "passed")],
  };
  const first = { numPassedTests: 1, numFailedTests: 1, testResults: [failing] };
  const second = { numPassedTests: 2, numFailedTests: 0, testResults: [file("passed", "passed", "passed")] };
  const both = withSecondRun(first, second);
  expect(countTests(both, 0)).toEqual({ passed: 2, failed: 0 });
  expect(failuresIn(both)).toEqual([
    "failed at first: /clone/a.test.ts\nfailed: /clone/a.test.ts > it works\ntimed out",
  ]);
  expect(countTests(withSecondRun(first, first), 1)).toEqual({ passed: 1, failed: 1 });
});

test("failuresIn shortens a long failure message", () => {
  const assertionResults = [
    { fullName: "it works", status: "failed", failureMessages: ["x".repeat(16_000)] },
  ];
  const [failure] = failuresIn({
    numPassedTests: 0,
    numFailedTests: 1,
    testResults: [{ ...file("failed"), assertionResults }],
  });
  expect(failure).toBe(`failed: /clone/a.test.ts > it works\n${"x".repeat(15_000)} … (more above)`);
});

test("a run ends with its failures, the resources that are left, and the counts; left resources fail the run", () => {
  const passed = { numPassedTests: 2, numFailedTests: 0, testResults: [file("passed", "passed", "passed")] };
  const failed = {
    numPassedTests: 1,
    numFailedTests: 0,
    testResults: [file("failed"), file("passed", "passed")],
  };
  expect(endOfRun([passed, undefined], [0, 0], [])).toEqual({ lines: ["2 passed, 0 failed"], exitCode: 0 });
  expect(endOfRun([passed, failed], [0, 3], ["/engine: network n: has active endpoints"])).toEqual({
    lines: [
      "failed: /clone/a.test.ts\n",
      expect.stringContaining("npm run down"),
      "  /engine: network n: has active endpoints",
      "failed: /clone/a.test.ts",
      "3 passed, 1 failed",
    ],
    exitCode: 3,
  });
  const { lines, exitCode } = endOfRun([passed], [0], ["service registry: it does not end"]);
  expect([lines.at(-2), lines.at(-1), exitCode]).toEqual([
    "  service registry: it does not end",
    "2 passed, 0 failed",
    1,
  ]);
});

test("files with errors outside all tests are run again with the failed ones, unless an error belongs to no file", () => {
  const report = { numPassedTests: 1, numFailedTests: 1, testResults: [file("failed", "failed", "passed")] };
  const inFile = (name: string | null) => ({ text: "Error: too late", file: name });
  expect(filesToRepeat(report, [inFile("/clone/b.test.ts"), inFile("/clone/a.test.ts")])).toEqual([
    "/clone/a.test.ts",
    "/clone/b.test.ts",
  ]);
  expect(filesToRepeat(report, [inFile("/clone/b.test.ts"), inFile(null)])).toBeUndefined();
});
