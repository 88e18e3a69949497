// What a test run came to, from the report that vitest writes as JSON.

import { leftLines } from "./terminal.ts";

/** The part of vitest's report that is read. */
export interface TestReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: readonly FileReport[];
}

interface FileReport {
  /** The file. */
  name: string;
  status: string;
  /** What went wrong outside its tests. */
  message: string;
  assertionResults: readonly {
    fullName: string;
    status: string;
    /** Also those of a first try, when a second one passed. */
    failureMessages?: readonly string[] | null;
  }[];
}

/** Of one test. */
const messageChars = 5_000;

/**
 * The passed and the failed. A file that fails outside its tests counts as one failed, and so does a run that failed
 * though no test did, or that left no report.
 */
export function countTests(
  report: TestReport | undefined,
  exitCode: number,
): { passed: number; failed: number } {
  const failed = (report?.numFailedTests ?? 0) + (report?.testResults ?? []).filter(failsOutsideTests).length;
  return { passed: report?.numPassedTests ?? 0, failed: exitCode === 0 ? failed : Math.max(failed, 1) };
}

/** A text for each test that failed, or that passed only when it was tried once more, and for each file that failed by itself. */
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
 * The end of a run: a text for each failure, then a line for each thing that could not be taken down, then the counts.
 * @param exitCodes of the lanes, each with its report.
 * @returns the lines, and the exit code of all.
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
  return text.length > messageChars ? `${text.slice(0, messageChars)} … (more above)` : text;
}
