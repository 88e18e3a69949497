// Runs the ways of doing one thing in turn, several times, and prints each beside the limit of the same run.

export interface Way {
  readonly name: string;
  /** Does it once. @returns how many units (lines) a second it did. */
  readonly run: () => Promise<number>;
}

/** Runs that are not counted, until the engine has compiled what matters. */
const warmUps = 3;
const rounds = 7;

/**
 * @param ways the first is the limit that the others are told as a share of. Taken in turn, so that what else the machine does
 * meets all of them.
 */
export async function compare(title: string, ways: readonly Way[]): Promise<void> {
  const results = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < warmUps; round += 1) for (const { run } of ways) await run();
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, run } of ways) results.get(name)?.push(await run());
  }
  const limits = results.get(ways[0]?.name ?? "") ?? [];
  print(`\n${title} (median of ${rounds} runs, lowest to highest)`);
  for (const [name, rates] of results) {
    const ratios = rates.map((rate, index) => rate / (limits[index] ?? rate));
    print(`  ${name.padEnd(42)}${spread(rates, thousands)}   ×${spread(ratios, twoDigits)}`);
  }
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function spread(values: readonly number[], shown: (value: number) => string): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => shown(sorted[index] ?? Number.NaN);
  return `${at(Math.floor(sorted.length / 2)).padStart(7)} (${at(0)} to ${at(sorted.length - 1)})`;
}

function thousands(rate: number): string {
  return `${Math.round(rate / 1_000)}k/s`;
}

function twoDigits(ratio: number): string {
  return ratio.toFixed(2);
}
