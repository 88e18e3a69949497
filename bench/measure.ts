// Runs several implementations of one task in turn, several times, and compares each with the limit of the same run.

import { benchOptions } from "@slipway/tools/bench-options";

export interface Way {
  readonly name: string;
  /** Runs the task once. @returns the measured value, in the comparison's unit. */
  readonly run: () => Promise<number>;
}

/** The format of values. For rates higher is better, for times lower; the ratio always refers to the limit. */
export interface Unit {
  /** Name of the unit of the raw values. */
  readonly name: string;
  readonly shown: (value: number) => string;
}

export const units = {
  thousandsPerSecond: { name: "1/s", shown: (rate) => `${Math.round(rate / 1_000)}k/s` },
  perSecond: { name: "1/s", shown: (rate) => `${Math.round(rate)}/s` },
  milliseconds: { name: "ms", shown: (ms) => `${ms.toFixed(ms < 10 ? 2 : 0)} ms` },
  seconds: { name: "ms", shown: (ms) => `${(ms / 1000).toFixed(2)} s` },
  bytes: {
    name: "bytes",
    shown: (bytes) => (bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(bytes < 100_000 ? 1 : 0)} kB`),
  },
  megabytes: { name: "bytes", shown: (bytes) => `${(bytes / 1e6).toFixed(0)} MB` },
  percentOfCore: { name: "1", shown: (share) => `${(100 * share).toFixed(1)} %` },
  ratio: { name: "1", shown: (ratio) => ratio.toFixed(2) },
} as const satisfies Record<string, Unit>;

export interface RoundOptions {
  /** Runs that are not counted, until the JavaScript engine has compiled the relevant code. */
  readonly warmUps?: number;
  /** The option `--rounds` takes precedence. */
  readonly rounds?: number;
}

export interface ComparisonOptions extends RoundOptions {
  readonly unit?: Unit;
}

export interface Summary {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Runs the ways in turn, so that other load on the machine affects all of them. @returns the values of each way, round by round. */
export async function measure(
  ways: readonly Way[],
  { warmUps = 3, rounds = 7 }: RoundOptions = {},
): Promise<readonly number[][]> {
  const values = ways.map((): number[] => []);
  for (let round = 0; round < warmUps; round += 1) for (const { run } of ways) await run();
  for (let round = 0; round < (benchOptions().rounds ?? rounds); round += 1)
    for (const [index, { run }] of ways.entries()) values[index]?.push(await run());
  return values;
}

/** Measures the ways and prints them. @param ways the first way is the limit that the others are compared with. */
export async function compare(
  title: string,
  ways: readonly Way[],
  { unit = units.thousandsPerSecond, ...options }: ComparisonOptions = {},
): Promise<void> {
  const results = await measure(ways, options);
  const [limits = []] = results;
  print(`\n${title} (median of ${limits.length} runs, lowest to highest)`);
  for (const [index, values] of results.entries()) {
    const figures = `${spread(values, unit)}   ×${spread(ratios(values, limits), units.ratio)}`;
    print(`  ${(ways[index]?.name ?? "").padEnd(46)}${figures}`);
  }
}

/** Each value as a multiple of the limit of the same round. */
export function ratios(values: readonly number[], limits: readonly number[]): readonly number[] {
  return values.map((value, index) => value / (limits[index] ?? value));
}

export function summaryOf(values: readonly number[]): Summary {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

/** The median of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Formats median, lowest and highest value. */
export function spread(values: readonly number[], { shown }: Unit): string {
  const { median: middle, lowest, highest } = summaryOf(values);
  return `${shown(middle).padStart(7)} (${shown(lowest)} to ${shown(highest)})`;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
