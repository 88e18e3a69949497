// A reporter of vitest for errors outside all tests: its JSON report lacks them.

import { writeFileSync } from "node:fs";
import type { Reporter } from "vitest/node";

/** The properties of an error outside all tests, as vitest reports them. */
export interface UnhandledError {
  readonly text: string;
  /** The path of the test file that ran, or null if no file ran. */
  readonly file: string | null;
}

/** Writes the errors as JSON to the file that UNHANDLED_ERRORS_FILE names. */
export default class UnhandledErrors implements Reporter {
  onTestRunEnd(
    _modules: unknown,
    errors: readonly {
      readonly message: string;
      readonly stack?: string;
      readonly VITEST_TEST_PATH?: unknown;
    }[],
  ): void {
    const file = process.env["UNHANDLED_ERRORS_FILE"];
    if (file === undefined) return;
    const found = errors.map(({ message, stack, VITEST_TEST_PATH: path }): UnhandledError => {
      return { text: stack ?? message, file: typeof path === "string" ? path : null };
    });
    writeFileSync(file, JSON.stringify(found));
  }
}
