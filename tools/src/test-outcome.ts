// Summarizes a test run from vitest's JSON report.

import { leftLines } from "@slipway/setup";

/** The part of vitest's report that is used. */
export interface TestReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: readonly FileReport[];
}

interface FileReport {
  /** The file's path. */
  name: string;
  status: string;
  /** The failure outside the file's tests. */
  message: string;
  assertionResults: readonly {
    fullName: string;
    status: string;
    /** Includes those of a first try when a retry passed. */
    failureMessages?: readonly string[] | null;
  }[];
}

/** The maximal length of one test's message. */
const maxMessageChars = 5_000;

/**
 * Counts passed and failed tests. A file that fails outside its tests counts as one failure, and so does a failed run without
 * a failed test or without a report.
 */
export function countTests(
  report: TestReport | undefined,
  exitCode: number,
): { passed: number; failed: number } {
  const failed = (report?.numFailedTests ?? 0) + (report?.testResults ?? []).filter(failsOutsideTests).length;
  return { passed: report?.numPassedTests ?? 0, failed: exitCode === 0 ? failed : Math.max(failed, 1) };
}

/** Returns a text for each test that failed or passed only on a retry, and for each file that failed outside its tests. */
export function failuresIn(report: TestReport): string[] {
  return report.testResults.flatMap((file) => [
    ...(failsOutsideTests(file) ? [`failed: ${file.name}\n${shortened(file.message)}`] : []),
    ...file.assertionResults
      .filter(({ failureMessages }) => (failureMessages ?? []).length > 0)
      .map(({ fullName, status, failureMessages }) => {
        const outcome = status === "failed" ? "failed" : "failed at first";
        return `${outcome}: ${file.name} > ${fullName}\n${shortened((failureMessages ?? []).join("\n"))}`;
      }),
  ]);
}

/**
 * Composes the end of a run's output: a text for each failure, a line for each resource that could not be removed, the counts.
 * @param exitCodes one per lane, in the order of `reports`.
 * @returns the lines, and the exit code of the run.
 */
export function endOfRun(
  reports: readonly (TestReport | undefined)[],
  exitCodes: readonly number[],
  left: readonly string[],
): { lines: string[]; exitCode: number } {
  const counts = exitCodes.map((exitCode, lane) => countTests(reports[lane], exitCode));
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  const failures = reports.flatMap((report) => (report === undefined ? [] : failuresIn(report)));
  const exitCode = exitCodes.find((code) => code !== 0) ?? (left.length > 0 ? 1 : 0);
  return { lines: [...failures, ...leftLines(left), `${passed} passed, ${failed} failed`], exitCode };
}

function failsOutsideTests({ status, assertionResults }: FileReport): boolean {
  return status === "failed" && !assertionResults.some((test) => test.status === "failed");
}

function shortened(text: string): string {
  return text.length > maxMessageChars ? `${text.slice(0, maxMessageChars)} … (more above)` : text;
}
