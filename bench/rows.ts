// Selects the rows of a benchmark.

import { benchOptions } from "@slipway/tools/bench-options";

/** Whether the row is selected. `--row PART` selects the rows with that part in their names; without it all are. */
export function wantsRow(name: string): boolean {
  const { rows } = benchOptions();
  return rows.length === 0 || rows.some((part) => name.includes(part));
}
