// Measurements of the benchmark "scale": passes of the reconciler, requests, heartbeats, and deployments through the lanes.

import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { changeStatus, claim } from "@slipway/core";
import { joinFleet, reconcile, startLaneWorker } from "@slipway/queue";
import type { LaneTask } from "@slipway/queue";
import { unexpected } from "@slipway/testkit";
import { appId, longestApp, queueWaiting } from "./fill.ts";
import type { Installation } from "./installation.ts";
import type { Pauses } from "./pauses.ts";

/** The default interval of the workers' reconciliation. */
const reconcileEveryMs = 5_000;
/** The five slowest requests determine the 99th percentile. */
const requests = 500;
const heartbeatMs = 3_000;
const beats = 3;
const perPart = 200;

export interface Pass {
  readonly ms: number;
  /** Share of one CPU core that the worker and Redis use together, at the default interval. */
  readonly share: number;
}

export async function reconcilePass({ store, lanes, redis }: Installation): Promise<Pass> {
  const { deployments, operations } = store;
  const work = { deploy: { exhaust: unexpected }, operate: { exhaust: unexpected } };
  const cpu = await cpuOf(redis);
  const startedAt = performance.now();
  await reconcile({ deployments, operations, lanes, leaseMs: 30_000, work, onError: unexpected });
  const ms = performance.now() - startedAt;
  return { ms, share: ((await cpuOf(redis)) - cpu) / reconcileEveryMs };
}

/**
 * Sends requests to each installation in turn, so that other load on the machine slows down all of them.
 * @returns the 99th percentile of each installation's times, in milliseconds.
 */
export async function p99s(senders: readonly ((index: number) => Promise<void>)[]): Promise<number[]> {
  const times = senders.map((): number[] => []);
  for (let index = 0; index < requests; index += 1) {
    for (const [position, send] of senders.entries()) {
      const startedAt = performance.now();
      await send(index);
      times[position]?.push(performance.now() - startedAt);
    }
  }
  return times.map((one) => one.toSorted((a, b) => a - b)[Math.floor(requests * 0.99)] ?? Number.NaN);
}

/** Posts deployments of apps without waiting deployments, if there are enough of these apps. */
export function post({ sizes, request }: Installation, round: number): (index: number) => Promise<void> {
  const idle = Math.max(1, sizes.apps - sizes.waiting);
  return (index) =>
    request("POST", `/apps/${appId(sizes.apps - 1 - ((round * requests + index) % idle))}/deployments`, {
      deployment: { git_ref: "v1", source_url: "https://example.com/source.tar.gz" },
    });
}

export function list({ request }: Installation, page: number): () => Promise<void> {
  return () => request("GET", `/apps/${longestApp}/deployments?page=${page}`);
}

export function get({ request }: Pick<Installation, "request">, path: string): () => Promise<void> {
  return () => request("GET", path);
}

/** Sends one request. @returns the longest pause of the API's event loop meanwhile, in milliseconds, and the memory in bytes. */
export async function pausesDuring({ pauses }: Installation, send: () => Promise<void>): Promise<Pauses> {
  await pauses();
  await send();
  return pauses();
}

/** @returns the share of one CPU core that heartbeats of simulated workers use, in Redis and all workers together. */
export async function heartbeatShare(installation: Installation, workers: number): Promise<number> {
  const { redis, redisUrl, keys, store } = installation;
  const connection = new Redis(redisUrl);
  const context = {
    redis: connection,
    keys,
    onError: unexpected,
    countUsers: async () => (await store.users.list({ page: 1, perPage: 1 })).totalCount,
  };
  const members = Array.from({ length: workers }, (_, index) =>
    joinFleet(context, identity(`worker-${index}`), () => new Date()),
  );
  // Joining costs more than staying, so the measurement starts after the joins.
  await pauseMs(heartbeatMs);
  const cpu = await cpuOf(redis);
  await pauseMs(beats * heartbeatMs);
  const share = ((await cpuOf(redis)) - cpu) / (beats * heartbeatMs);
  // One after the other: a worker waits only two seconds for its leave.
  for (const member of members) await member[Symbol.asyncDispose]();
  // Closes the connection after the responses to pending commands.
  await connection.quit();
  return share;
}

/** @returns the mean time per deployment from request to end, in milliseconds, while all other waiting deployments stay in the queue. */
export async function costThroughLanes(installation: Installation): Promise<number> {
  const { store, lanes, redisUrl, keys, sizes } = installation;
  const ended = Promise.withResolvers<void>();
  let count = 0;
  const run = async ({ id, attempt }: LaneTask): Promise<void> => {
    const queued = await store.deployments.get(id);
    if (queued === null) throw new Error(`deployment ${id} is missing`);
    const change = { at: new Date(), lineCount: 0 };
    const claimed = claim(queued, attempt, change);
    await store.deployments.compareAndSet(claimed);
    await store.deployments.compareAndSet(changeStatus(claimed, "build-error", change));
    count += 1;
    if (count === perPart) ended.resolve();
  };
  const startedAt = performance.now();
  await queueWaiting(installation, sizes.waiting, perPart);
  const options = { redisUrl, keys, lanes, name: "bench", concurrency: 16, operationConcurrency: 1 };
  const worker = await startLaneWorker({
    ...options,
    leaseMs: 30_000,
    work: { deploy: { run, exhaust: unexpected }, operate: { run: unexpected, exhaust: unexpected } },
    onError: unexpected,
  });
  await ended.promise;
  const ms = (performance.now() - startedAt) / perPart;
  await worker.stop({ graceMs: 10_000 });
  // Restores the former number of waiting deployments.
  await queueWaiting(installation, 0, count);
  return ms;
}

/** CPU time of this process and of Redis, in milliseconds. */
async function cpuOf(redis: Redis): Promise<number> {
  const { user, system } = process.cpuUsage();
  const found = [...(await redis.info("cpu")).matchAll(/used_cpu_(?:sys|user):([\d.]+)/g)];
  return (user + system) / 1_000 + found.reduce((sum, [, seconds]) => sum + 1_000 * Number(seconds), 0);
}

function identity(name: string) {
  const engine = { address: "unix:///engine.sock", cpus: 2, memoryBytes: 1e9 };
  const common = { id: randomUUID(), name, host: "bench", pid: 1, version: "0.1.0", engine };
  const startedAt = new Date().toISOString();
  return { ...common, startedAt, heartbeatMs, concurrency: 2, operationConcurrency: 4 };
}

function pauseMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
