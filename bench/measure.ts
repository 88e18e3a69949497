// Runs the ways of doing one thing in turn, several times, and compares each with the limit of the same run.

import { benchOptions } from "@slipway/tools/bench-options";

export interface Way {
  readonly name: string;
  /** Does it once. @returns what was measured, in the comparison's unit. */
  readonly run: () => Promise<number>;
}

/** How figures are shown. For rates more is better, for times less: the ratio is to the limit either way. */
export interface Unit {
  /** Name of the values themselves. */
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
  /** Runs that are not counted, until the engine has compiled what matters. */
  readonly warmUps?: number;
  /** `--rounds` takes precedence. */
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

/** Runs the ways in turn, so that what else the machine does affects all of them. @returns the values of each, round by round. */
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

/** Measures the ways and prints them. @param ways the first is the limit that the others are compared with. */
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

/** The middle one of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Median, lowest and highest of the values, as text. */
export function spread(values: readonly number[], { shown }: Unit): string {
  const { median: middle, lowest, highest } = summaryOf(values);
  return `${shown(middle).padStart(7)} (${shown(lowest)} to ${shown(highest)})`;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
