// Runs the ways of doing one thing in turn, several times, and prints each beside the limit of the same run.

export interface Way {
  readonly name: string;
  /** Does it once. @returns what was measured, in the comparison's unit. */
  readonly run: () => Promise<number>;
}

/** How figures are shown. For rates more is better, for times less: the ratio is to the limit either way. */
export interface Unit {
  readonly shown: (value: number) => string;
}

export const units = {
  thousandsPerSecond: { shown: (rate) => `${Math.round(rate / 1_000)}k/s` },
  perSecond: { shown: (rate) => `${Math.round(rate)}/s` },
  milliseconds: { shown: (ms) => `${ms.toFixed(ms < 10 ? 2 : 0)} ms` },
} as const satisfies Record<string, Unit>;

export interface ComparisonOptions {
  readonly unit?: Unit;
  /** Runs that are not counted, until the engine has compiled what matters. */
  readonly warmUps?: number;
  readonly rounds?: number;
}

/**
 * @param ways the first is the limit, to which the ratio of each is printed. They run in turn, so that other load of the machine
 * affects all of them.
 */
export async function compare(
  title: string,
  ways: readonly Way[],
  { unit = units.thousandsPerSecond, warmUps = 3, rounds = 7 }: ComparisonOptions = {},
): Promise<void> {
  const results = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < warmUps; round += 1) for (const { run } of ways) await run();
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, run } of ways) results.get(name)?.push(await run());
  }
  const limits = results.get(ways[0]?.name ?? "") ?? [];
  print(`\n${title} (median of ${rounds} runs, lowest to highest)`);
  for (const [name, values] of results) {
    const ratios = values.map((value, index) => value / (limits[index] ?? value));
    print(`  ${name.padEnd(46)}${spread(values, unit.shown)}   ×${spread(ratios, twoDigits)}`);
  }
}

/** The middle one of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function spread(values: readonly number[], shown: (value: number) => string): string {
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  return `${shown(median(values)).padStart(7)} (${shown(lowest)} to ${shown(highest)})`;
}

function twoDigits(ratio: number): string {
  return ratio.toFixed(2);
}
