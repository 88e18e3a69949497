// The table and the JSON file of the benchmark.

import { writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { print, ratios, spread, summaryOf, units } from "../measure.ts";
import type { Unit } from "../measure.ts";
import type { Step } from "./deployment.ts";

/** The target of a figure: at most a multiple of the limit, or an absolute value for sizes and for figures without a limit. */
interface Target {
  readonly ratio?: number;
  readonly value?: number;
}

export interface MeasuredRow {
  readonly name: string;
  readonly unit: Unit;
  readonly limitName: string | null;
  /** The limits of the same rounds as `values`; empty without a limit. */
  readonly limits: readonly number[];
  readonly values: readonly number[];
  readonly must: Target;
  readonly aim: Target;
}

export interface Report {
  readonly rows: readonly MeasuredRow[];
  readonly loadBefore: number;
  readonly engineVersion: string;
  /** Steps of each row's redeployment with the median time, by the row's name. */
  readonly profiles: Readonly<Record<string, readonly Step[]>>;
}

export function printTable(rows: readonly MeasuredRow[]): void {
  const rounds = rows[0]?.values.length ?? 0;
  print(`\nMedian of ${rounds} interleaved rounds (lowest to highest)`);
  const head = [
    "measure",
    "limit, same run",
    "limit's figure",
    "Slipway",
    "ratio",
    "must",
    "aim",
    "must met",
  ];
  const lines = [head, ...rows.map(cellsOf)];
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  for (const cells of lines)
    print(`| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
}

export function printProfile([row, steps]: readonly [row: string, steps: readonly Step[]]): void {
  print(`\n${row}: one redeployment, as a follower sees it (ms since the request, ms since the last)`);
  for (const [index, { atMs, text }] of steps.entries()) {
    const sinceMs = atMs - (steps[index - 1]?.atMs ?? 0);
    print(`  ${atMs.toFixed(0).padStart(6)} ${`+${sinceMs.toFixed(0)}`.padStart(7)}  ${text}`);
  }
}

export async function writeReport(
  path: string,
  report: Pick<Report, "rows" | "loadBefore"> & Partial<Report>,
): Promise<void> {
  const { rows, ...rest } = report;
  const [cpu] = cpus();
  const machine = {
    cpu: cpu?.model,
    cpuCount: cpus().length,
    loadAfter: loadavg()[0],
    node: process.version,
  };
  const written = rows.map(rowAsJson);
  const text = JSON.stringify({ at: new Date(), machine, ...rest, rows: written }, null, 2);
  await writeFile(path, `${text}\n`);
  print(`\nWritten to ${path}`);
}

function rowAsJson(row: MeasuredRow) {
  const { name, unit, limitName, limits, values, must, aim } = row;
  return {
    name,
    unit: unit.name,
    slipway: { ...summaryOf(values), values },
    limit: limits.length === 0 ? null : { name: limitName, ...summaryOf(limits), values: limits },
    ratio: limits.length === 0 ? null : summaryOf(ratios(values, limits)),
    must,
    mustMet: meets(row, must),
    aim,
    aimMet: meets(row, aim),
  };
}

function cellsOf(row: MeasuredRow): string[] {
  const { name, unit, limitName, limits, values } = row;
  const compared = limits.length > 0;
  return [
    name,
    limitName ?? "",
    compared ? spread(limits, unit).trim() : "",
    spread(values, unit).trim(),
    compared ? spread(ratios(values, limits), units.ratio).trim() : "",
    targetText(row.must, unit),
    targetText(row.aim, unit),
    { true: "yes", false: "no", null: "" }[`${meets(row, row.must)}`],
  ];
}

function targetText({ ratio, value }: Target, unit: Unit): string {
  if (ratio !== undefined) return `${ratio} ×`;
  return value === undefined ? "" : `< ${unit.shown(value)}`;
}

/** Whether the medians meet a target; null without one. */
function meets({ values, limits }: MeasuredRow, { ratio, value }: Target): boolean | null {
  if (ratio !== undefined) return summaryOf(ratios(values, limits)).median <= ratio;
  return value === undefined ? null : summaryOf(values).median < value;
}
