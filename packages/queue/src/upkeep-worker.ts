// Work that no request waits for: reconciling lanes, observing apps, removing deleted ones, cleaning. Scheduled by BullMQ,
// done by some worker.

import { Queue, Worker } from "bullmq";
import { upkeepJob } from "@slipway/protocol";
import type { RedisKeys, UpkeepJob } from "@slipway/protocol";
import { queueNames } from "./queue-names.ts";

export interface UpkeepOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly name: string;
  /** How often every lane is looked at. */
  readonly reconcileEveryMs: number;
  /** How often every running app is looked at. */
  readonly observeEveryMs: number;
  readonly run: (job: UpkeepJob) => Promise<void>;
  readonly onError: (error: unknown, message: string) => void;
}

/** A long look at all apps does not keep the lanes waiting. */
const jobsAtOnce = 2;
const cleanSourcesEveryMs = 10 * 60_000;

/** @returns a function that stops it, after the job at hand. */
export async function startUpkeep(options: UpkeepOptions): Promise<() => Promise<void>> {
  const { redisUrl, keys, run, onError } = options;
  const shared = { connection: { url: redisUrl, maxRetriesPerRequest: null }, prefix: keys.queuePrefix };
  const queue = new Queue<UpkeepJob>(queueNames.upkeep, shared);
  queue.on("error", (error) => onError(error, "the upkeep queue's connection failed"));
  const once = { attempts: 1, removeOnComplete: true, removeOnFail: { count: 100 } };
  const schedule = async () => {
    const reconcile = { name: "reconcile", data: { type: "reconcile" } as const, opts: once };
    const clean = { name: "clean-sources", data: { type: "clean-sources" } as const, opts: once };
    await queue.upsertJobScheduler("reconcile", { every: options.reconcileEveryMs }, reconcile);
    const observe = { name: "observe-apps", data: { type: "observe-apps" } as const, opts: once };
    await queue.upsertJobScheduler("observe-apps", { every: options.observeEveryMs }, observe);
    await queue.upsertJobScheduler("clean-sources", { every: cleanSourcesEveryMs }, clean);
  };
  await schedule();
  // A Redis that lost everything has also lost its schedules.
  const rescheduling = setInterval(() => {
    schedule().catch((error: unknown) => onError(error, "cannot schedule the upkeep"));
  }, options.reconcileEveryMs * 3);

  const worker = new Worker(queueNames.upkeep, async (job) => run(upkeepJob.parse(job.data)), {
    ...shared,
    name: options.name,
    concurrency: jobsAtOnce,
  });
  worker.on("failed", (job, error) => onError(error, `upkeep failed: ${job?.name ?? "unknown"}`));
  worker.on("error", (error) => onError(error, "the upkeep queue's connection failed"));
  return async () => {
    clearInterval(rescheduling);
    await worker.close();
    await queue.close();
  };
}
