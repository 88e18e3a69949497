// The CPU time of an installation in which nothing happens: all processes of `npm start` with two workers and 1,000 apps, with the
// private Redis and registry. The limit is a Node.js process that sends Redis one command per second: how much that takes depends on how
// cold a machine gets between two commands.

import { fork } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { databaseFile } from "@slipway/service";
import { runningProcess, startApps } from "@slipway/setup";
import { openStore } from "@slipway/store";
import { freePort } from "@slipway/testkit";
import { benchOptions } from "@slipway/tools/bench-options";
import { usageOf } from "./idle/cpu-time.ts";
import type { Usage } from "./idle/cpu-time.ts";
import { print } from "./measure.ts";
import type { Unit } from "./measure.ts";
import { printTable, writeReport } from "./redeploy/report.ts";
import type { MeasuredRow } from "./redeploy/report.ts";
import { appId, fill } from "./scale/fill.ts";
import { setUpServices } from "./slipway.ts";
import type { BenchEnvironment } from "./slipway.ts";

const options = benchOptions();
const rounds = options.rounds ?? 3;
const apps = options.sizes.apps ?? 1_000;
type Pids = ReadonlyMap<string, number>;

const limitName = "limit";
const names = ["api", "stream", "router", "worker-1", "worker-2", "redis", "registry"];
/** By then the processes have started, observed all apps, and compiled most of their code. */
const settleMs = 90_000;
const roundMs = 60_000;
const target = 0.02;
const share: Unit = { name: "1", shown: (value) => `${(100 * value).toFixed(2)} %` };
const perSecond: Unit = { name: "1/s", shown: (rate) => `${rate.toFixed(1)}/s` };

const [loadBefore = 0] = loadavg();
const environment = await setUpServices();
await fillStore(environment);
await using _supervisor = await startApps(
  {
    ...environment,
    API_PORT: String(await freePort()),
    STREAM_PORT: String(await freePort()),
    ROUTER_PORT: String(await freePort()),
    WORKERS: "2",
  },
  {
    printLine: () => undefined,
    logFolder: `${environment.DATA_DIR}/logs`,
    logFormat: "json",
    obeySignals: false,
  },
);
const pids = await processes(environment.DATA_DIR);
using limit = startLimit(environment);
print(`${apps} apps; waiting ${settleMs / 1_000} s until nothing happens`);
await pause(settleMs);
const measured: ReadonlyMap<string, Usage>[] = [];
const limits: number[] = [];
for (let round = 1; round <= rounds; round += 1) {
  const all = await measureRound(new Map([...pids, [limitName, limit.pid]]));
  limits.push(all.get(limitName)?.cpuMs ?? Number.NaN);
  measured.push(new Map([...all].filter(([name]) => name !== limitName)));
  print(`  round ${round}: ${share.shown(sum(measured.at(-1), "cpuMs"))}, load ${loadavg()[0]?.toFixed(1)}`);
}
const rows = [...pids.keys()].flatMap((name) => [
  row(`${name}, of a core`, share, (one) => one.get(name)?.cpuMs ?? Number.NaN),
  row(`${name}, wake-ups`, perSecond, (one) => one.get(name)?.wakeUps ?? Number.NaN),
]);
const total = {
  ...row("all, of a core", share, (one) => sum(one, "cpuMs")),
  limitName: "one command per second",
  limits,
  must: { value: target },
};
printTable([...rows, total]);
await writeReport(join(environment.DATA_DIR, "idle.json"), { rows: [...rows, total], loadBefore });

/** Creates the apps unless an earlier run has. */
async function fillStore({ DATA_DIR: dataDir }: BenchEnvironment): Promise<void> {
  const path = databaseFile(dataDir);
  await using store = await openStore({ databaseUrl: `file:${path}` });
  if ((await store.apps.get(appId(0))) === null)
    await fill(store, path, { apps, deployments: apps, longest: 1, waiting: 0 });
}

/** The process of this benchmark supervises the others, as `npm start` does. */
async function processes(dataDir: string): Promise<Pids> {
  const found = new Map([["supervisor", process.pid]]);
  for (const name of names) {
    const running = await runningProcess(dataDir, name);
    if (running !== undefined) found.set(name, running.pid);
  }
  return found;
}

/** Starts the process that is the limit. */
function startLimit({ REDIS_URL: url }: BenchEnvironment): Disposable & { readonly pid: number } {
  const child = fork(new URL("idle/one-command-per-second.ts", import.meta.url), [url]);
  return { pid: child.pid ?? Number.NaN, [Symbol.dispose]: () => void child.kill() };
}

/** @returns each process's share of a core, and its wake-ups per second. */
async function measureRound(processIds: Pids): Promise<ReadonlyMap<string, Usage>> {
  const startedAt = performance.now();
  const before = await usageOfAll(processIds);
  await pause(roundMs);
  const after = await usageOfAll(processIds);
  const ms = performance.now() - startedAt;
  return new Map(
    [...after].map(([name, { cpuMs, wakeUps }]) => {
      const since = before.get(name) ?? { cpuMs: 0, wakeUps: 0 };
      return [name, { cpuMs: (cpuMs - since.cpuMs) / ms, wakeUps: (1_000 * (wakeUps - since.wakeUps)) / ms }];
    }),
  );
}

async function usageOfAll(processIds: Pids): Promise<ReadonlyMap<string, Usage>> {
  const found = await Promise.all(
    [...processIds].map(async ([name, pid]) => [name, await usageOf(pid)] as const),
  );
  return new Map(found);
}

function sum(round: ReadonlyMap<string, Usage> | undefined, part: keyof Usage): number {
  return [...(round?.values() ?? [])].reduce((all, usage) => all + usage[part], 0);
}

function row(name: string, unit: Unit, valueOf: (round: ReadonlyMap<string, Usage>) => number): MeasuredRow {
  return { name, unit, limitName: null, limits: [], values: measured.map(valueOf), must: {}, aim: {} };
}
