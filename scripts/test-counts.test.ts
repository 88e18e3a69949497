import { expect, test } from "vitest";
import { countTests } from "./test-counts.ts";

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((one) => ({ status: one })),
});

test("counts the tests", () => {
  const testResults = [file("passed", "passed", "passed"), file("failed", "failed", "passed")];
  expect(countTests({ numPassedTests: 3, numFailedTests: 1, testResults }, 1)).toEqual({
    passed: 3,
    failed: 1,
  });
});

test("counts a file that cannot be loaded", () => {
  const testResults = [file("passed", "passed"), file("failed")];
  expect(countTests({ numPassedTests: 1, numFailedTests: 0, testResults }, 1)).toEqual({
    passed: 1,
    failed: 1,
  });
});

test("a run that failed never counts none", () => {
  expect(countTests(undefined, 1)).toEqual({ passed: 0, failed: 1 });
  expect(countTests({ numPassedTests: 2, numFailedTests: 0, testResults: [] }, 130)).toEqual({
    passed: 2,
    failed: 1,
  });
});
