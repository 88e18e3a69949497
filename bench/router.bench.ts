// The router compared with nginx and HAProxy with one thread each, in front of the same app: rate, latency, CPU time and memory.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOwnConfig } from "@slipway/setup";
import { benchOptions } from "@slipway/tools/bench-options";
import { print, ratios, spread, units } from "./measure.ts";
import type { Unit } from "./measure.ts";
import { load } from "./router/load.ts";
import type { LoadResult } from "./router/load.ts";
import { cpuMs, memoryBytes } from "./router/programs.ts";
import type { Program } from "./router/programs.ts";
import { apps, startHaproxy, startNginxProxy } from "./router/proxies.ts";
import { startSlipwayRouter } from "./router/slipway-router.ts";

interface Measured extends LoadResult {
  readonly cpuMsPer1000: number;
  readonly memoryBytes: number;
}

interface Proxy extends Program {
  readonly name: string;
  /** The host name of the app. */
  readonly host: string;
}

const connections = 50;
const seconds = 2;
/** V8 compiles the router's code during about the first ten thousand requests. */
const warmUps = 4;
const measures = [
  ["requests", "perSecond", units.perSecond],
  ["latency, p50", "p50Ms", units.milliseconds],
  ["latency, p99", "p99Ms", units.milliseconds],
  ["CPU time of 1,000 requests", "cpuMsPer1000", units.milliseconds],
] as const satisfies readonly (readonly [string, keyof Measured, Unit])[];
const { rows, rounds = 5, profile } = benchOptions();
const profileFolder = profile ? readOwnConfig("bench").dataDir : undefined;

for (const name of Object.keys(apps) as (keyof typeof apps)[])
  if (rows.length === 0 || rows.some((row) => name.includes(row))) await compareProxies(name);
if (profileFolder !== undefined) print(`\nThe CPU profile of the router: ${profileFolder}/*.cpuprofile`);

async function compareProxies(name: keyof typeof apps): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const app = opened.use(await apps[name].start(folder));
  const router = opened.use(await startSlipwayRouter(folder, app, { haproxy: false, profileFolder }));
  const behindHaproxy = opened.use(await startSlipwayRouter(folder, app, { haproxy: true }));
  const proxies: readonly Proxy[] = [
    { name: "nginx, one worker", host: router.host, ...opened.use(await startNginxProxy(folder, app)) },
    { name: "HAProxy, one thread", host: router.host, ...opened.use(await startHaproxy(folder, app)) },
    { name: "the router", ...router },
    { name: "the router, HAProxy", ...behindHaproxy },
  ];
  const run = async (proxy: Proxy): Promise<Measured> => {
    const before = await cpuMs(proxy);
    const url = `http://127.0.0.1:${proxy.port}${apps[name].path}`;
    const result = await load({ url, host: proxy.host, seconds, connections });
    const cpuMsPer1000 = ((await cpuMs(proxy)) - before) / (result.requests / 1_000);
    return { ...result, cpuMsPer1000, memoryBytes: await memoryBytes(proxy) };
  };
  for (let round = 0; round < warmUps; round += 1) for (const proxy of proxies) await run(proxy);
  const results = proxies.map((): Measured[] => []);
  for (let round = 0; round < rounds; round += 1)
    for (const [index, proxy] of proxies.entries()) results[index]?.push(await run(proxy));
  printResults(name, proxies, results);
}

function printResults(
  name: string,
  proxies: readonly Proxy[],
  results: readonly (readonly Measured[])[],
): void {
  print(`\n${name}, ${connections} keep-alive connections (median of ${rounds} runs, lowest to highest)`);
  for (const [measure, key, unit] of measures) {
    const limits = results[0]?.map((measured) => measured[key]) ?? [];
    for (const [index, proxy] of proxies.entries()) {
      const values = results[index]?.map((measured) => measured[key]) ?? [];
      const figures = `${spread(values, unit)}   ×${spread(ratios(values, limits), units.ratio)}`;
      print(`  ${measure.padEnd(30)}${proxy.name.padEnd(22)}${figures}`);
    }
  }
  for (const [index, proxy] of proxies.entries()) {
    const [first, last] = [results[index]?.at(0), results[index]?.at(-1)].map((measured) =>
      units.megabytes.shown(measured?.memoryBytes ?? Number.NaN),
    );
    print(`  ${"memory, first and last run".padEnd(30)}${proxy.name.padEnd(22)}${first}, ${last}`);
  }
}
