// Summarizes a test run from vitest's JSON report.

import { leftLines } from "@slipway/setup";
import type { UnhandledError } from "./unhandled-errors.ts";

/** The parts of vitest's report that are used here. */
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
  /** The failures in a first run, if the file was run twice. */
  failedFirst?: string;
  assertionResults: readonly {
    fullName: string;
    status: string;
    /** Includes the failures of a first try when a retry passed. */
    failureMessages?: readonly string[] | null;
  }[];
}

/** The maximal length of one test's message. */
const maxMessageChars = 15_000;

/**
 * Counts passed and failed tests. A file that fails outside its tests counts as one failure. A failed run without a failed test or without
 * a report counts as one too.
 */
export function countTests(
  report: TestReport | undefined,
  exitCode: number,
): { passed: number; failed: number } {
  const failed = (report?.numFailedTests ?? 0) + (report?.testResults ?? []).filter(failsOutsideTests).length;
  return { passed: report?.numPassedTests ?? 0, failed: exitCode === 0 ? failed : Math.max(failed, 1) };
}

/**
 * Returns the files to run again: those with a failed test, and those that ran when an error occurred outside all tests.
 * @returns undefined if an error belongs to no file: a second run of some files could not show that the error is gone.
 */
export function filesToRepeat(report: TestReport, errors: readonly UnhandledError[]): string[] | undefined {
  const ofErrors = errors.flatMap(({ file }) => file ?? []);
  if (ofErrors.length < errors.length) return undefined;
  const failed = report.testResults.filter(({ status }) => status === "failed").map(({ name }) => name);
  return [...new Set([...failed, ...ofErrors])];
}

/** A run's report with the files of a second run in place of their first results. The files count as failed at first. */
export function withSecondRun(report: TestReport, second: TestReport): TestReport {
  const repeated = new Set(second.testResults.map(({ name }) => name));
  const replaced = report.testResults.filter(({ name }) => repeated.has(name));
  const first = new Map(replaced.map((file) => [file.name, failuresOf(file).join("\n")]));
  const files = second.testResults.map((file) => ({ ...file, failedFirst: first.get(file.name) ?? "" }));
  return {
    numPassedTests: report.numPassedTests - countOf("passed", replaced) + second.numPassedTests,
    numFailedTests: report.numFailedTests - countOf("failed", replaced) + second.numFailedTests,
    testResults: [...report.testResults.filter(({ name }) => !repeated.has(name)), ...files],
  };
}

function countOf(status: string, files: readonly FileReport[]): number {
  return files.flatMap(({ assertionResults }) => assertionResults).filter((test) => test.status === status)
    .length;
}

/** Returns a text for each test that failed or passed only on a retry, and for each file that failed outside its tests. */
export function failuresIn(report: TestReport): string[] {
  return report.testResults.flatMap((file) => [
    ...(file.failedFirst === undefined ? [] : [`failed at first: ${file.name}\n${file.failedFirst}`]),
    ...failuresOf(file),
  ]);
}

function failuresOf(file: FileReport): string[] {
  const outside = failsOutsideTests(file) ? [`failed: ${file.name}\n${shortened(file.message)}`] : [];
  const tests = file.assertionResults
    .filter(({ failureMessages }) => (failureMessages ?? []).length > 0)
    .map(({ fullName, status, failureMessages }) => {
      const outcome = status === "failed" ? "failed" : "failed at first";
      return `${outcome}: ${file.name} > ${fullName}\n${shortened((failureMessages ?? []).join("\n"))}`;
    });
  return [...outside, ...tests];
}

/** Returns a line for each failed test, and for each file that failed outside its tests. */
function namesOfFailed(report: TestReport): string[] {
  return report.testResults.flatMap((file) => [
    ...(failsOutsideTests(file) ? [`failed: ${file.name}`] : []),
    ...file.assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName }) => `failed: ${file.name} > ${fullName}`),
  ]);
}

/**
 * Composes the end of a run's output: a text for each failure, a line for each resource that could not be removed, the name of
 * each failed test once more, the counts.
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
  const names = reports.flatMap((report) => (report === undefined ? [] : namesOfFailed(report)));
  const exitCode = exitCodes.find((code) => code !== 0) ?? (left.length > 0 ? 1 : 0);
  return {
    lines: [...failures, ...leftLines(left), ...names, `${passed} passed, ${failed} failed`],
    exitCode,
  };
}

function failsOutsideTests({ status, assertionResults }: FileReport): boolean {
  return status === "failed" && !assertionResults.some((test) => test.status === "failed");
}

function shortened(text: string): string {
  return text.length > maxMessageChars ? `${text.slice(0, maxMessageChars)} … (more above)` : text;
}
