// The options of the benchmarks: `npm run bench -- redeploy --rounds 3 --row express --profile`, `npm run bench -- scale --apps 1000`.

import { parseArgs } from "node:util";

export interface BenchOptions {
  /** Measured rounds of each comparison; undefined for the benchmark's default. */
  readonly rounds: number | undefined;
  /** Parts of the names of the rows to measure; empty for all. */
  readonly rows: readonly string[];
  /** Whether to print how the time of a warm redeployment is spent. */
  readonly profile: boolean;
  /** The store to measure with; undefined for the benchmark's default. */
  readonly store: string | undefined;
  /** Numbers of the objects that the benchmark `scale` creates. Those not given have the benchmark's defaults. */
  readonly sizes: Readonly<Partial<Record<(typeof sizeNames)[number], number>>>;
}

export const sizeNames = ["apps", "deployments", "waiting", "workers"] as const;

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
      store: { type: "string" },
      apps: { type: "string" },
      deployments: { type: "string" },
      waiting: { type: "string" },
      workers: { type: "string" },
    },
  });
  const { rounds, row: rows, profile, store } = values;
  if (rounds !== undefined && !/^[1-9]\d{0,2}$/.test(rounds))
    throw new Error(`--rounds ${rounds} is not a number of rounds: give one from 1 to 999.`);
  const count = rounds === undefined ? undefined : Number(rounds);
  const sizes = Object.fromEntries(sizeNames.flatMap((name) => sizeOf(name, values[name])));
  return { names: positionals, options: { rounds: count, rows, profile, store, sizes } };
}

function sizeOf(name: string, text: string | undefined): [string, number][] {
  if (text === undefined) return [];
  if (!/^[1-9]\d{0,7}$/.test(text))
    throw new Error(`--${name} ${text} is not a size: use a number from 1 to 99999999.`);
  return [[name, Number(text)]];
}

/** The options that were passed to this process. */
export function benchOptions(): BenchOptions {
  return parseBenchArguments(process.argv.slice(2)).options;
}
