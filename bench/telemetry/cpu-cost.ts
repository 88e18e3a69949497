// Measures what metrics and traces add to the CPU time of a piece of work, precisely enough to tell a few percent on a busy machine.
// Many short runs alternate in one process: without telemetry, with metrics that Prometheus could scrape, and with traces that a
// collector receives as well. Each is compared with the run beside it, since both meet the same load.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { benchOptions } from "@slipway/tools/bench-options";
import { medianInterval } from "@slipway/tools/median-interval";
import { measured, openMetrics, openTraces } from "@slipway/telemetry";
import { scrapeMetrics } from "@slipway/testkit";
import { print } from "../measure.ts";
import { startServer } from "../server-process.ts";

/** Runs the work of interest. @returns what is measured of it. */
export type Meter = (work: () => Promise<void>) => Promise<number>;

export interface CpuCostOptions {
  readonly title: string;
  /** Does the work once, with everything that it uses opened anew: a store looks once whether it is measured. */
  readonly run: (meter: Meter) => Promise<number>;
  /** Pairs of runs of each kind; `--rounds` takes precedence. */
  readonly pairs: number;
}

interface Kind {
  readonly name: string;
  readonly hasMetrics: boolean;
  readonly hasTraces: boolean;
}

const worker = { process: "worker", instance: "bench" } as const;
const baseline: Kind = { name: "without telemetry", hasMetrics: false, hasTraces: false };
const kinds: readonly Kind[] = [
  baseline,
  { name: "with metrics", hasMetrics: true, hasTraces: false },
  { name: "with metrics and traces", hasMetrics: true, hasTraces: true },
];
const warmUps = 2;
const recordings = 20_000;
const recordRounds = 21;
const freeAddress = { host: "127.0.0.1", port: 0 };

/**
 * Prints the CPU time of each kind as a ratio to that without telemetry: the median of the pairs, and its interval of 95 %. Then it
 * prints the cost of metrics as the number of values that a run records times the CPU time of recording one, which varies less.
 */
export async function compareCpuCost({ title, run, pairs }: CpuCostOptions): Promise<void> {
  await using collector = await startServer("telemetry/collector-process.ts");
  const url = `http://127.0.0.1:${collector.port}/v1/traces`;
  const count = benchOptions().rounds ?? pairs;
  const once = (kind: Kind) => observed(kind, { url, run });
  for (let round = 0; round < warmUps; round += 1) for (const kind of kinds) await once(kind);
  const values = kinds.map((): number[] => []);
  for (let pair = 0; pair < count; pair += 1) {
    const sums = kinds.map(() => 0);
    // Forth and back: a load that rises or falls steadily adds the same to each kind.
    const order = [...kinds.keys(), ...[...kinds.keys()].toReversed()];
    for (const index of order) sums[index] = (sums[index] ?? 0) + (await once(kinds[index] ?? baseline));
    for (const [index, sum] of sums.entries()) values[index]?.push(sum / 2);
  }
  print(`\n${title} (median of ${count} pairs, interval of 95 %)`);
  const [limits = []] = values;
  for (const [index, { name }] of kinds.entries()) print(rowOf(name, values[index] ?? [], limits));
  const recorded = await recordedValues(run);
  const costs = [];
  for (let round = 0; round < recordRounds; round += 1) costs.push(await recordingMs());
  const { median, low, high } = medianInterval(costs);
  const percent = (ms: number) => `${((100 * recorded * ms) / medianInterval(limits).median).toFixed(2)} %`;
  print(
    `  ${recorded} values at ${(1e6 * median).toFixed(0)} ns each: ${percent(median)} (${percent(low)} to ${percent(high)})`,
  );
}

/** How many values of histograms a run records, by a scrape at its end. */
async function recordedValues(run: CpuCostOptions["run"]): Promise<number> {
  await using metrics = await openMetrics({ ...worker, address: freeAddress, onError: fail });
  await run(async (work) => {
    await work();
    return 0;
  });
  const { samples } = await scrapeMetrics(metrics.url ?? "");
  return samples.reduce((sum, { name, value }) => (name.endsWith("_count") ? sum + value : sum), 0);
}

/** CPU time of measuring a call and recording its duration, without the call, in milliseconds. */
async function recordingMs(): Promise<number> {
  const respond = async () => undefined;
  const repeat = async (call: () => Promise<void>) => {
    for (let index = 0; index < recordings; index += 1) await call();
  };
  const bare = await cpuMs(() => repeat(respond));
  await using _metrics = await openMetrics({ ...worker, address: freeAddress, onError: fail });
  return ((await cpuMs(() => repeat(() => measured("redis", respond)))) - bare) / recordings;
}

function rowOf(name: string, values: readonly number[], limits: readonly number[]): string {
  const { median, low, high } = medianInterval(
    values.map((value, index) => value / (limits[index] ?? value)),
  );
  const ratio = `×${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  return `  ${name.padEnd(28)}${medianInterval(values).median.toFixed(1).padStart(8)} ms   ${ratio}`;
}

/** One run of a kind. @returns its CPU time in milliseconds, without that of opening what it uses. */
async function observed(
  { hasMetrics, hasTraces }: Kind,
  { url, run }: { readonly url: string; readonly run: CpuCostOptions["run"] },
): Promise<number> {
  const address = hasMetrics ? freeAddress : null;
  await using _metrics = await openMetrics({ ...worker, address, onError: fail });
  const collector = hasTraces ? { url, headers: {} } : null;
  await using traces = await openTraces({ ...worker, collector, onError: fail });
  return await run((work) => {
    collectGarbage();
    return cpuMs(async () => {
      await work();
      // The last batch is part of the cost.
      await traces[Symbol.asyncDispose]();
    });
  });
}

async function cpuMs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** No run pays for the garbage of the one before. */
const collectGarbage = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

function fail(error: unknown): never {
  throw error;
}
