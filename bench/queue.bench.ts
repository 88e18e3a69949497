// The queue: deployments per second through the lanes of many apps, and the waiting time of a deployment when all slots are free, compared
// with BullMQ.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Queue, Worker } from "bullmq";
import { changeStatus, claim } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { openLanes, startLaneWorker } from "@slipway/queue";
import type { LaneTask, Lanes } from "@slipway/queue";
import { openStore } from "@slipway/store";
import { aNewDeployment, startRedis } from "@slipway/testkit";
import { traceEnds } from "@slipway/telemetry";
import { compare, median, units } from "./measure.ts";
import { compareCpuCost } from "./telemetry/cpu-cost.ts";
import type { Meter } from "./telemetry/cpu-cost.ts";
import { wantsRow } from "./rows.ts";

const appCount = 100;
const perApp = 4;
/** More, because each run with traces opens a connection to the collector, which a worker does once. */
const perAppOfCpuRow = 20;
const ownerCount = 20;
const concurrency = 16;
const probes = 51;
const nothing = async () => undefined;
/** The events of a worker, which exports the trace of a deployment at its end if that is configured. */
const events = traceEnds({ created: nothing, statusChanged: nothing, phaseChanged: nothing });

await using opened = new AsyncDisposableStack();
const redis = opened.use(await startRedis());
const folder = await mkdtemp(join(tmpdir(), "slipway-bench-"));
opened.defer(() => rm(folder, { recursive: true, force: true }));

const jobCount = appCount * perApp;
const rounds = { warmUps: 1, rounds: 5 };
const rateRow = `${jobCount} deployments of ${appCount} apps and ${ownerCount} owners, ${concurrency} at a time`;
if (wantsRow(rateRow))
  await compare(
    rateRow,
    [
      { name: "BullMQ alone: add, and take", run: () => bare(false) },
      { name: "BullMQ, and each job stored as the lanes do", run: () => bare(true) },
      { name: "the lanes: in order, one at a time an app", run: () => through(jobCount, rate) },
    ],
    { ...rounds, unit: units.perSecond },
  );
const waitRow = `from posted to started, ${probes} one after the other, all free`;
if (wantsRow(waitRow))
  await compare(
    waitRow,
    [
      { name: "BullMQ alone: add, and take", run: () => bareWait() },
      { name: "the lanes: stored, looked up, added, taken", run: waitThrough },
    ],
    { ...rounds, unit: units.milliseconds },
  );
const cpuCount = appCount * perAppOfCpuRow;
const cpuRow = `CPU time of ${cpuCount} deployments through the lanes`;
if (wantsRow(cpuRow))
  await compareCpuCost({ title: cpuRow, run: (meter) => through(cpuCount, meter), pairs: 20 });

/** All jobs are added at once, and taken by a worker that does only the necessary parts of the lanes' worker. */
async function bare(stored: boolean): Promise<number> {
  await using instance = await openInstance();
  const { store } = instance;
  await using bullmq = openBullMq(async (id) => {
    if (!stored) return;
    const deployment = await store.deployments.get(id);
    if (deployment !== null) await runThrough(store, deployment, 1);
  });
  const requests = newDeployments(jobCount);
  const startedAt = performance.now();
  await Promise.all(
    requests.map(async (request) => {
      if (stored) await store.deployments.create({ ...request, appId: request.id });
      await bullmq.add(request.id);
    }),
  );
  await bullmq.done(jobCount);
  return perSecond(startedAt);
}

async function through(count: number, meter: Meter): Promise<number> {
  await using instance = await openInstance();
  const { store, lanes } = instance;
  let ended = 0;
  const done = Promise.withResolvers<void>();
  await using _worker = await openWorker(instance, async (task) => {
    await runTask(store, task);
    ended += 1;
    if (ended === count) done.resolve();
  });
  return await meter(async () => {
    await Promise.all(
      newDeployments(count).map(async (request) => {
        await store.deployments.create(request);
        await lanes.advance(request.appId);
      }),
    );
    await done.promise;
  });
}

/** Deployments per second. */
async function rate(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return perSecond(startedAt);
}

async function bareWait(): Promise<number> {
  let started = Promise.withResolvers<void>();
  await using bullmq = openBullMq(async () => started.resolve());
  const waits: number[] = [];
  for (let probe = 0; probe < probes; probe += 1) {
    started = Promise.withResolvers();
    const postedAt = performance.now();
    await bullmq.add(randomUUID());
    await started.promise;
    waits.push(performance.now() - postedAt);
    await bullmq.done(probe + 1);
  }
  return median(waits);
}

async function waitThrough(): Promise<number> {
  await using instance = await openInstance();
  const { store, lanes } = instance;
  let started = Promise.withResolvers<void>();
  let ended = Promise.withResolvers<void>();
  await using _worker = await openWorker(instance, async (task) => {
    started.resolve();
    await runTask(store, task);
    ended.resolve();
  });
  const waits: number[] = [];
  for (let probe = 0; probe < probes; probe += 1) {
    [started, ended] = [Promise.withResolvers(), Promise.withResolvers()];
    const postedAt = performance.now();
    const request = aNewDeployment({ id: randomUUID(), appId: `app-${probe}` });
    await store.deployments.create(request);
    await lanes.advance(request.appId);
    await started.promise;
    waits.push(performance.now() - postedAt);
    await ended.promise;
  }
  return median(waits);
}

interface Instance extends AsyncDisposable {
  readonly store: Store;
  readonly lanes: Lanes;
  readonly keys: ReturnType<typeof redisKeys>;
}

/** Opens a new database and new keys, so that no run finds the data of another. */
async function openInstance(): Promise<Instance> {
  await using parts = new AsyncDisposableStack();
  const store = parts.use(await openStore({ databaseUrl: `file:${folder}/${randomUUID()}.db` }));
  const keys = redisKeys(randomUUID().slice(0, 8));
  const { apps, deployments, operations } = store;
  const lanes = parts.use(
    openLanes({ redisUrl: redis.url, keys, apps, deployments, operations, onError: fail }),
  );
  const owned = parts.move();
  return { store, lanes, keys, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function openWorker(
  { lanes, keys }: Instance,
  run: (task: LaneTask) => Promise<void>,
): Promise<AsyncDisposable> {
  const worker = await startLaneWorker({
    redisUrl: redis.url,
    keys,
    lanes,
    name: "bench",
    concurrency,
    operationConcurrency: 1,
    leaseMs: 30_000,
    work: {
      deploy: { run, exhaust: async (_id, error) => fail(error) },
      operate: {
        run: async ({ id }) => fail(new Error(`unexpected operation ${id}`)),
        exhaust: async (_id, error) => fail(error),
      },
    },
    onError: fail,
  });
  return { [Symbol.asyncDispose]: () => worker.stop({ graceMs: 1_000 }) };
}

function openBullMq(process: (id: string) => Promise<void>) {
  const options = { connection: { url: redis.url, maxRetriesPerRequest: null }, prefix: randomUUID() };
  const queue = new Queue("bench", options);
  const worker = new Worker("bench", async (job) => process(job.id ?? ""), { ...options, concurrency });
  let ended = 0;
  let wanted = { count: Number.POSITIVE_INFINITY, resolve: () => {} };
  worker.on("completed", () => {
    ended += 1;
    if (ended >= wanted.count) wanted.resolve();
  });
  queue.on("error", fail);
  worker.on("error", fail);
  return {
    add: (id: string) => queue.add("deploy", {}, { jobId: id }),
    done: (count: number) =>
      new Promise<void>((resolve) => {
        wanted = { count, resolve };
        if (ended >= count) resolve();
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all([queue.close(), worker.close()]);
    },
  };
}

async function runTask(store: Store, { id: deploymentId, attempt }: LaneTask): Promise<void> {
  const deployment = await store.deployments.get(deploymentId);
  if (deployment !== null) await runThrough(store, deployment, attempt);
}

/** The minimum number of a deployment's changes: claimed, and ended. */
async function runThrough(store: Store, queued: Deployment, attempt: number): Promise<void> {
  const taken = claim(queued, attempt, { at: new Date(), lineCount: 0 });
  const facts = { logLineCount: 0, logSha256: "" };
  const ended = changeStatus(taken, "build-error", { at: new Date(), lineCount: 0, facts });
  for (const next of [taken, ended]) {
    if (!(await store.deployments.compareAndSet(next))) throw new Error(`${next.id} was changed meanwhile`);
  }
  await events.statusChanged(ended);
}

function newDeployments(count: number) {
  return Array.from({ length: count }, (_, index) => {
    const app = index % appCount;
    return aNewDeployment({ id: randomUUID(), appId: `app-${app}`, ownerId: `owner-${app % ownerCount}` });
  });
}

function perSecond(startedAt: number): number {
  return (jobCount / (performance.now() - startedAt)) * 1_000;
}

function fail(error: unknown): never {
  throw error;
}
