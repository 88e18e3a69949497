// Maintenance: periodic jobs over all apps, which BullMQ schedules and one of the workers runs: reconciling lanes, observing apps,
// cleaning up; and the removal of deleted apps.

import { Queue, Worker } from "bullmq";
import { queueConnection } from "@slipway/bus";
import { maintenanceJob } from "@slipway/protocol";
import type { MaintenanceJob, RedisKeys } from "@slipway/protocol";
import { queueNames } from "./queue-names.ts";

export interface MaintenanceOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly name: string;
  /** Intervals of the periodic jobs, each of which covers all apps. Counting files may take long. */
  readonly everyMs: Readonly<Record<"reconcile" | "observe-apps" | "limit-files" | "sweep-rollouts", number>>;
  readonly run: (job: MaintenanceJob) => Promise<void>;
  readonly onError: (error: unknown, message: string) => void;
}

/** Reconciliation has a queue of its own, so that slow jobs do not delay it. */
const concurrency = { maintenance: 2, slowMaintenance: 4 } as const;
const cleanSourcesEveryMs = 10 * 60_000;
/** Schedules that the previous version added to the queue for reconciliation. */
const formerSchedules = ["observe-apps", "clean-sources"] as const;

/** @returns a function that stops maintenance after the running jobs have ended. */
export async function startMaintenance(options: MaintenanceOptions): Promise<() => Promise<void>> {
  const { redisUrl, keys, run, onError } = options;
  const connection = queueConnection(redisUrl, { maxRetriesPerRequest: null });
  const shared = { connection, prefix: keys.queuePrefix };
  const onConnectionError = (error: unknown) =>
    onError(error, "the connection of the maintenance queue failed");
  const open = (name: keyof typeof concurrency) => {
    const queue = new Queue<MaintenanceJob>(queueNames[name], shared);
    queue.on("error", onConnectionError);
    return queue;
  };
  const queues = { maintenance: open("maintenance"), slowMaintenance: open("slowMaintenance") };
  for (const type of formerSchedules) await queues.maintenance.removeJobScheduler(type);
  await schedule(queues, options);
  // A Redis that lost its data has also lost the schedules.
  const rescheduling = setInterval(() => {
    schedule(queues, options).catch((error: unknown) => onError(error, "cannot schedule the maintenance"));
  }, options.everyMs.reconcile * 3);
  // Both queues handle all job types: the previous version adds all jobs to the first queue.
  const work = (name: keyof typeof concurrency) => {
    const worker = new Worker(queueNames[name], async (job) => run(maintenanceJob.parse(job.data)), {
      ...shared,
      name: options.name,
      concurrency: concurrency[name],
    });
    worker.on("failed", (job, error) => onError(error, `maintenance failed: ${job?.name ?? "unknown"}`));
    worker.on("error", onConnectionError);
    return worker;
  };
  const workers = [work("maintenance"), work("slowMaintenance")];
  return async () => {
    clearInterval(rescheduling);
    await Promise.all(workers.map((worker) => worker.close()));
    await Promise.all(Object.values(queues).map((queue) => queue.close()));
  };
}

type Queues = Readonly<Record<keyof typeof concurrency, Queue<MaintenanceJob>>>;

async function schedule(
  { maintenance, slowMaintenance }: Queues,
  { everyMs }: Pick<MaintenanceOptions, "everyMs">,
): Promise<void> {
  const periods = [
    [maintenance, "reconcile", everyMs.reconcile],
    [slowMaintenance, "observe-apps", everyMs["observe-apps"]],
    [slowMaintenance, "limit-files", everyMs["limit-files"]],
    [slowMaintenance, "sweep-rollouts", everyMs["sweep-rollouts"]],
    [slowMaintenance, "clean-sources", cleanSourcesEveryMs],
  ] as const;
  const opts = { attempts: 1, removeOnComplete: true, removeOnFail: { count: 100 } };
  for (const [queue, type, every] of periods) {
    await removeIfFarAhead(queue, type, every);
    await queue.upsertJobScheduler(type, { every }, { name: type, data: { type }, opts });
  }
}

/**
 * A worker whose clock is ahead sets the next time accordingly. BullMQ keeps that time, so the jobs would not run until then, even
 * after the clock has been corrected.
 */
async function removeIfFarAhead(queue: Queue<MaintenanceJob>, type: string, every: number): Promise<void> {
  const next = (await queue.getJobScheduler(type))?.next ?? 0;
  if (next > Date.now() + 2 * every) await queue.removeJobScheduler(type);
}
