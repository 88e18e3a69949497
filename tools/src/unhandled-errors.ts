// A reporter of vitest that counts the errors outside all tests: its JSON report lacks them.

import { writeFileSync } from "node:fs";
import type { Reporter } from "vitest/node";

/** Writes the number of errors to the file that UNHANDLED_ERRORS_FILE names. */
export default class UnhandledErrors implements Reporter {
  onTestRunEnd(_modules: unknown, errors: readonly unknown[]): void {
    const file = process.env["UNHANDLED_ERRORS_FILE"];
    if (file !== undefined) writeFileSync(file, String(errors.length));
  }
}
