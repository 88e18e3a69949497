// The options of the benchmarks: `npm run bench -- redeploy --rounds 3 --row express --profile`.

import { parseArgs } from "node:util";

export interface BenchOptions {
  /** Measured rounds of each comparison; undefined for the benchmark's own number. */
  readonly rounds: number | undefined;
  /** Parts of the names of the rows to measure; empty for all. */
  readonly rows: readonly string[];
  /** Whether to print where the time of a warm redeployment goes. */
  readonly profile: boolean;
}

/** Splits the arguments of `npm run bench` into names of benchmarks and options. Throws an error that names a wrong argument. */
export function parseBenchArguments(args: readonly string[]): {
  readonly names: readonly string[];
  readonly options: BenchOptions;
} {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      row: { type: "string", multiple: true, default: [] },
      profile: { type: "boolean", default: false },
    },
  });
  const { rounds, row: rows, profile } = values;
  if (rounds !== undefined && !/^[1-9]\d{0,2}$/.test(rounds))
    throw new Error(`--rounds ${rounds} is not a number of rounds: give one from 1 to 999.`);
  const count = rounds === undefined ? undefined : Number(rounds);
  return { names: positionals, options: { rounds: count, rows, profile } };
}

/** The options that this process was started with. */
export function benchOptions(): BenchOptions {
  return parseBenchArguments(process.argv.slice(2)).options;
}
