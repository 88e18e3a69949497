import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import type { HousekeepingJob } from "@slipway/protocol";
import { lacksRedis, startRedis } from "@slipway/testkit";
import { openHousekeeping, startHousekeepingWorker } from "./housekeeping.ts";
import type { Housekeeping, HousekeepingWorkerOptions } from "./housekeeping.ts";

const keys = redisKeys("housekeeping-test");
const prune = { type: "prune-images", appId: "a" } as const;
const stop = { type: "stop-rollout", appId: "a", rolloutId: "r", attempt: 1 } as const;

describe.skipIf(await lacksRedis())("housekeeping", () => {
  let opened: AsyncDisposableStack;
  let redisUrl: string;
  let housekeeping: Housekeeping;
  let errors: string[];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    errors = [];
    redisUrl = opened.use(await startRedis()).url;
    housekeeping = opened.use(openHousekeeping({ redisUrl, keys, onError }));
  });
  afterEach(() => opened.disposeAsync());

  test("housekeeping of one app runs once at a time, and once more when it was requested in the meantime", async () => {
    const runs: { readonly job: HousekeepingJob; readonly end: () => void }[] = [];
    startWorkers(2, (job) => new Promise((end) => runs.push({ job, end })));
    await housekeeping.request(prune);
    await expect.poll(() => runs.length).toBe(1);
    await housekeeping.request(prune);
    await housekeeping.request(prune);
    await housekeeping.request({ ...prune, appId: "b" });
    await expect.poll(() => runs.map(({ job }) => job.appId)).toEqual(["a", "b"]);
    for (const { end } of runs) end();
    await expect.poll(() => runs.map(({ job }) => job.appId)).toEqual(["a", "b", "a"]);
    runs[2]?.end();
    await expect.poll(() => housekeeping.queue.getJobCounts("active", "waiting")).toEqual(nothing);
    expect(runs).toHaveLength(3);
  });

  test("housekeeping of several rollouts of an app runs concurrently", async () => {
    const running: string[] = [];
    const all = Promise.withResolvers<void>();
    startWorkers(1, async (job) => {
      if (job.type === "stop-rollout") running.push(`${job.rolloutId} ${job.attempt}`);
      await all.promise;
    });
    for (const job of [stop, stop, { ...stop, attempt: 2 }, { ...stop, rolloutId: "s" }])
      await housekeeping.request(job);
    await expect.poll(() => running.toSorted()).toEqual(["r 1", "r 2", "s 1"]);
    all.resolve();
  });

  test("housekeeping that fails is retried", async () => {
    startWorkers(1, () => Promise.reject(new Error("the registry does not answer")));
    await housekeeping.request(prune);
    await expect.poll(() => housekeeping.queue.getDelayedCount()).toBe(1);
    expect(errors).toEqual(["housekeeping failed: prune-images"]);
  });

  test("a worker that stops leaves its housekeeping at once, and another worker resumes it", async () => {
    const begun = Promise.withResolvers<void>();
    const [leave] = startWorkers(1, (_job, signal) => {
      begun.resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    });
    await housekeeping.request(stop);
    await begun.promise;
    await leave?.();
    const [left] = await housekeeping.queue.getDelayed();
    expect(left?.attemptsMade).toBe(0);
    const taken = Promise.withResolvers<HousekeepingJob>();
    startWorkers(1, async (job) => taken.resolve(job));
    expect(await taken.promise).toEqual(stop);
    expect(errors).toEqual([]);
  });

  function startWorkers(count: number, run: HousekeepingWorkerOptions["run"]): (() => Promise<void>)[] {
    const options = { redisUrl, keys, leaseMs: 30_000, resumeAfterMs: 1_000, run, onError };
    const stops = Array.from({ length: count }, () => startHousekeepingWorker(options));
    for (const each of stops) opened.defer(each);
    return stops;
  }

  function onError(_error: unknown, message: string): void {
    errors.push(message);
  }
});

const nothing = { active: 0, waiting: 0 };
