// Selects the rows of the benchmark of logs.

import { benchOptions } from "@slipway/tools/bench-options";

/** Whether the row was asked for: `--row PART` names a part of its name, and without it all are. */
export function wantsRow(name: string): boolean {
  const { rows } = benchOptions();
  return rows.length === 0 || rows.some((part) => name.includes(part));
}
