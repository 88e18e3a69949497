// Measures which costs grow with an installation: compares a large one with a small one, with each store.

import { loadavg } from "node:os";
import { join } from "node:path";
import { readOwnConfig } from "@slipway/setup";
import { lacksMongo } from "@slipway/testkit";
import { benchOptions } from "@slipway/tools/bench-options";
import { print, spread, units } from "./measure.ts";
import type { Unit } from "./measure.ts";
import { printTable, writeReport } from "./redeploy/report.ts";
import type { MeasuredRow } from "./redeploy/report.ts";
import {
  costThroughLanes,
  get,
  heartbeatShare,
  list,
  p99s,
  pausesDuring,
  post,
  reconcilePass,
} from "./scale/costs.ts";
import type { Sizes } from "./scale/fill.ts";
import { openInstallation } from "./scale/installation.ts";
import type { Installation, StoreKind } from "./scale/installation.ts";
import type { Pauses } from "./scale/pauses.ts";

const small: Sizes = { apps: 100, deployments: 1_000, longest: 1_000, waiting: 50 };
/** Filling the stand-in for MongoDB takes a thousand times as long as filling SQLite. */
const large: Readonly<Record<StoreKind, Sizes>> = {
  sqlite: { apps: 100_000, deployments: 1_000_000, longest: 30_000, waiting: 10_000 },
  mongodb: { apps: 1_000, deployments: 3_000, longest: 1_000, waiting: 500 },
};
const fewWorkers = 10;
const manyWorkers = 1_000;
const options = benchOptions();
const rounds = options.rounds ?? 5;
const flat = { ratio: 1.3 };
const perPage = 20;

const [loadBefore = 0] = loadavg();
const rows: MeasuredRow[] = [];
for (const kind of await kinds()) rows.push(...(await measureStore(kind)));
const chosen = rows.filter(
  ({ name }) => options.rows.length === 0 || options.rows.some((part) => name.includes(part)),
);
printTable(chosen);
await writeReport(join(readOwnConfig("bench").dataDir, "scale.json"), { rows: chosen, loadBefore });

async function kinds(): Promise<StoreKind[]> {
  const wanted = (["sqlite", "mongodb"] as const).filter((kind) => (options.store ?? kind) === kind);
  if (wanted.length === 0) throw new Error(`--store ${options.store} is not a store: use sqlite or mongodb.`);
  const lacks = wanted.includes("mongodb") && (await lacksMongo());
  if (lacks) print("MongoDB is left out: run npm test once to build the image with its substitute.");
  return wanted.filter((kind) => kind !== "mongodb" || !lacks);
}

async function measureStore(kind: StoreKind): Promise<MeasuredRow[]> {
  const { apps, deployments, waiting } = { ...large[kind], ...options.sizes };
  const sizes = { ...large[kind], apps, deployments, waiting: Math.min(waiting, apps - small.apps) };
  print(`${kind}: ${apps} apps, ${deployments} past deployments, ${sizes.waiting} waiting`);
  await using few = await openInstallation(kind, small);
  await using many = await openInstallation(kind, sizes);
  const both = { few, many };
  const lastPage = Math.min(1_000, Math.floor(sizes.longest / perPage));
  return [
    ...(await reconcileRows(kind, both)),
    await row(`${kind}: POST deployments, p99`, both, flat, (round) =>
      p99s([post(few, round), post(many, round)]),
    ),
    await row(`${kind}: list of an app's deployments, p99`, both, flat, () =>
      p99s([list(few, 1), list(many, 1)]),
    ),
    await row(`${kind}: the same, page ${lastPage}`, both, flat, () =>
      p99s([list(few, 1), list(many, lastPage)]),
    ),
    ...(await listRows(kind, both)),
    await row(`${kind}: a deployment through the lanes`, both, flat, async () => [
      await costThroughLanes(few),
      await costThroughLanes(many),
    ]),
    value(`${kind}: Redis, a waiting app`, units.bytes, [many.bytesPerWaiting], { value: 2_000 }),
    ...(await heartbeatRows(kind, many)),
  ];
}

/** The lists that operators and the console poll, and the whole list of apps. */
async function listRows(kind: StoreKind, { few, many }: Both): Promise<MeasuredRow[]> {
  const failed = "/deployments?status=build-error,crashed-error,timeout-error,hook-error&per_page=30";
  const ofUser = ({ requestAsUser }: Installation) => ({ request: requestAsUser });
  const pages = [
    ["a page of all apps", "/apps?per_page=50", [few, many]],
    ["failures of all apps", failed, [few, many]],
    ["a user's ten apps", "/apps", [ofUser(few), ofUser(many)]],
    ["a user's deployments", "/deployments", [ofUser(few), ofUser(many)]],
  ] as const;
  const ofPages: MeasuredRow[] = [];
  for (const [name, path, both] of pages)
    ofPages.push(
      await row(`${kind}: ${name}, p99`, { few }, flat, () => p99s(both.map((one) => get(one, path)))),
    );
  return [...ofPages, ...(await wholeListRows(kind, { few, many }))];
}

async function wholeListRows(kind: StoreKind, { few, many }: Both): Promise<MeasuredRow[]> {
  const found: Pauses[][] = [];
  const longest = await row(
    `${kind}: longest pause during GET /v1/apps`,
    { few },
    { value: 50 },
    async () => {
      const pair = [await pausesDuring(few, get(few, "/apps")), await pausesDuring(many, get(many, "/apps"))];
      found.push(pair);
      return pair.map(({ longestPauseMs }) => longestPauseMs);
    },
  );
  const memory = (index: number) => found.slice(1).map((pair) => pair[index]?.residentBytes ?? Number.NaN);
  const target = { value: 300e6 };
  return [
    longest,
    {
      ...value(`${kind}: memory of the API after it`, units.megabytes, memory(1), target),
      limitName: longest.limitName,
      limits: memory(0),
    },
  ];
}

interface Both {
  readonly few: Installation;
  readonly many: Installation;
}

/** @param run measures the small installation, which is the limit, and the large one. */
async function row(
  name: string,
  { few }: Pick<Both, "few">,
  must: MeasuredRow["must"],
  run: (round: number) => Promise<readonly number[]>,
): Promise<MeasuredRow> {
  print(name);
  const [limits, values]: [number[], number[]] = [[], []];
  // The first round is not counted, because programs and caches are cold.
  for (let round = 0; round <= rounds; round += 1) {
    const [limit = Number.NaN, measured = Number.NaN] = await run(round);
    if (round === 0) continue;
    limits.push(limit);
    values.push(measured);
    print(`  ${units.milliseconds.shown(limit)}, ${units.milliseconds.shown(measured)}`);
  }
  const limitName = `${few.sizes.apps} apps, ${few.sizes.waiting} waiting`;
  return { name, unit: units.milliseconds, limitName, limits, values, must, aim: must };
}

async function reconcileRows(kind: StoreKind, { many }: Both): Promise<MeasuredRow[]> {
  print(`${kind}: reconcile`);
  const passes = [];
  for (let round = 0; round <= rounds; round += 1) passes.push(await reconcilePass(many));
  const counted = passes.slice(1);
  const ms = counted.map((pass) => pass.ms);
  const share = counted.map((pass) => pass.share);
  print(`  ${spread(ms, units.milliseconds)}, ${spread(share, units.percentOfCore)}`);
  return [
    value(`${kind}: a pass of the reconciler`, units.milliseconds, ms, { value: 500 }),
    value(`${kind}: the same, every 5 s, of a core`, units.percentOfCore, share, { value: 0.03 }),
  ];
}

async function heartbeatRows(kind: StoreKind, many: Installation): Promise<MeasuredRow[]> {
  const workers = options.sizes.workers ?? manyWorkers;
  print(`${kind}: heartbeats`);
  const limits = [(await heartbeatShare(many, fewWorkers)) / fewWorkers];
  const values = [(await heartbeatShare(many, workers)) / workers];
  const [name, limitName] = [`${kind}: a worker's heartbeats, of ${workers}`, `of ${fewWorkers} workers`];
  return [{ name, unit: units.percentOfCore, limitName, limits, values, must: flat, aim: flat }];
}

function value(name: string, unit: Unit, values: readonly number[], must: MeasuredRow["must"]): MeasuredRow {
  return { name, unit, limitName: null, limits: [], values, must, aim: must };
}
