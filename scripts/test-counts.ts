// Counts what a test run did, from the report that vitest writes as JSON.

/** The part of vitest's report that is counted. */
export interface TestReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: readonly { status: string; assertionResults: readonly { status: string }[] }[];
}

/**
 * The passed and the failed. A file that fails outside its tests counts as one failed, and so does a run that failed
 * though no test did, or that left no report.
 */
export function countTests(
  report: TestReport | undefined,
  exitCode: number,
): { passed: number; failed: number } {
  const broken = (report?.testResults ?? []).filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  const failed = (report?.numFailedTests ?? 0) + broken.length;
  return { passed: report?.numPassedTests ?? 0, failed: exitCode === 0 ? failed : Math.max(failed, 1) };
}
