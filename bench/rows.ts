// Selects the rows of a benchmark.

import { benchOptions } from "@slipway/tools/bench-options";

/** Whether the row is selected. `--row PART` selects the rows whose names contain that part; without the option all rows are selected. */
export function wantsRow(name: string): boolean {
  const { rows } = benchOptions();
  return rows.length === 0 || rows.some((part) => name.includes(part));
}
