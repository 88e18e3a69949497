// Measures how much CPU time metrics and traces add to a piece of work. Many short runs alternate in one process: without telemetry, with
// metrics that Prometheus could scrape, and with both metrics and traces that a collector receives.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { benchOptions } from "@slipway/tools/bench-options";
import { medianInterval } from "@slipway/tools/median-interval";
import { print, ratios } from "../measure.ts";
import { startServer } from "../server-process.ts";
import { countReports, cpuMs, spanMs, telemetry, valueMs } from "./reports.ts";
import type { Meter } from "./reports.ts";

export type { Meter } from "./reports.ts";

export interface CpuCostOptions {
  readonly title: string;
  /** Runs the work once, with all of its dependencies opened anew: a store checks only once whether it is measured. */
  readonly run: (meter: Meter) => Promise<number>;
  /** Pairs of runs of each kind. The option `--rounds` takes precedence. */
  readonly pairs: number;
}

interface Kind {
  readonly name: string;
  readonly hasMetrics: boolean;
  readonly hasTraces: boolean;
}

const baseline: Kind = { name: "without telemetry", hasMetrics: false, hasTraces: false };
const kinds: readonly Kind[] = [
  baseline,
  { name: "with metrics", hasMetrics: true, hasTraces: false },
  { name: "with metrics and traces", hasMetrics: true, hasTraces: true },
];
const warmUps = 2;

/**
 * Prints the CPU time of each kind as a ratio to the CPU time without telemetry: the median of the pairs, and its 95 % interval. Then
 * prints the cost in a second way, which varies less: the number of values and spans of a run, multiplied by the CPU time of one.
 */
export async function compareCpuCost({ title, run, pairs }: CpuCostOptions): Promise<void> {
  await using collector = await startServer("telemetry/collector-process.ts");
  const url = `http://127.0.0.1:${collector.port}/v1/traces`;
  const count = benchOptions().rounds ?? pairs;
  const measureKinds = () => pairOf((kind) => observed(kind, { url, run }));
  for (let round = 0; round < warmUps; round += 1) {
    await measureKinds();
    await oneOfEach(url);
  }
  const reports = await countReports(run, url);
  const values = kinds.map((): number[] => []);
  const costs = { values: [] as number[], spans: [] as number[] };
  for (let pair = 0; pair < count; pair += 1) {
    const measured = await measureKinds();
    for (const [index, ms] of measured.entries()) values[index]?.push(ms);
    const one = await oneOfEach(url);
    costs.values.push(one.value);
    costs.spans.push(one.span);
  }
  const [limits = []] = values;
  print(`\n${title} (median of ${count} pairs, interval of 95 %)`);
  for (const [index, { name }] of kinds.entries()) print(rowOf(name, values[index] ?? [], limits));
  for (const name of ["values", "spans"] as const)
    print(costOf(name, { count: reports[name], ms: costs[name], limits }));
}

/**
 * Measures every kind twice, in order and in reverse order: a steadily rising or falling load then adds the same to each kind.
 * @returns the means.
 */
async function pairOf(one: (kind: Kind) => Promise<number>): Promise<readonly number[]> {
  const forth: number[] = [];
  for (const kind of kinds) forth.push(await one(kind));
  const back: number[] = [];
  for (const kind of kinds.toReversed()) back.unshift(await one(kind));
  return forth.map((ms, index) => (ms + (back[index] ?? ms)) / 2);
}

/**
 * The CPU time of one value and of one span, in milliseconds, measured in a process that reports continuously, so that its code is
 * compiled.
 */
async function oneOfEach(url: string): Promise<{ readonly value: number; readonly span: number }> {
  const value = await valueMs();
  await spanMs(url);
  return { value, span: await spanMs(url) };
}

function rowOf(name: string, values: readonly number[], limits: readonly number[]): string {
  const { median, low, high } = medianInterval(ratios(values, limits));
  const ratio = `×${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  return `  ${name.padEnd(28)}${medianInterval(values).median.toFixed(1).padStart(8)} ms   ${ratio}`;
}

interface Reports {
  readonly count: number;
  /** CPU times of one report, in milliseconds. */
  readonly ms: readonly number[];
  /** CPU times of the neighboring runs without telemetry. */
  readonly limits: readonly number[];
}

function costOf(name: string, { count, ms, limits }: Reports): string {
  const { median, low, high } = medianInterval(ratios(ms, limits));
  const percent = (ratio: number) => `${(100 * count * ratio).toFixed(2)} %`;
  const each = `${(1e6 * medianInterval(ms).median).toFixed(0)} ns`;
  return `  ${count} ${name} at ${each} each: ${percent(median)} (${percent(low)} to ${percent(high)})`;
}

/** One run of a kind. @returns the run's CPU time in milliseconds, without the time to open its dependencies. */
async function observed(
  { hasMetrics, hasTraces }: Kind,
  { url, run }: { readonly url: string; readonly run: CpuCostOptions["run"] },
): Promise<number> {
  await using _metrics = await telemetry.metrics(hasMetrics);
  await using traces = await telemetry.traces(hasTraces ? url : null);
  return await run((work) => {
    collectGarbage();
    return cpuMs(async () => {
      await work();
      // The cost includes the last batch.
      await traces[Symbol.asyncDispose]();
    });
  });
}

/** Collects garbage before a run, so that no run pays for the garbage of the previous one. */
const collectGarbage = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();
