// Maintenance: periodic jobs over all apps, which BullMQ schedules and some worker runs: reconciling lanes, observing apps,
// cleaning; and the removal of deleted apps.

import { Queue, Worker } from "bullmq";
import { queueConnection } from "@slipway/bus";
import { maintenanceJob } from "@slipway/protocol";
import type { MaintenanceJob, RedisKeys } from "@slipway/protocol";
import { queueNames } from "./queue-names.ts";

export interface MaintenanceOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly name: string;
  /** Interval of reconciling all lanes. */
  readonly reconcileEveryMs: number;
  /** Interval of observing all running apps. */
  readonly observeEveryMs: number;
  readonly run: (job: MaintenanceJob) => Promise<void>;
  readonly onError: (error: unknown, message: string) => void;
}

/** Two, so that the lanes do not wait for a slow observation of all apps. */
const concurrency = 2;
const cleanSourcesEveryMs = 10 * 60_000;

/** @returns a function that stops it, after the running jobs. */
export async function startMaintenance(options: MaintenanceOptions): Promise<() => Promise<void>> {
  const { redisUrl, keys, run, onError } = options;
  const shared = {
    connection: queueConnection(redisUrl, { maxRetriesPerRequest: null }),
    prefix: keys.queuePrefix,
  };
  const queue = new Queue<MaintenanceJob>(queueNames.maintenance, shared);
  const onConnectionError = (error: unknown) =>
    onError(error, "the connection of the maintenance queue failed");
  queue.on("error", onConnectionError);
  await schedule(queue, options);
  // A Redis that lost its data has also lost the schedules.
  const rescheduling = setInterval(() => {
    schedule(queue, options).catch((error: unknown) => onError(error, "cannot schedule the maintenance"));
  }, options.reconcileEveryMs * 3);

  const worker = new Worker(queueNames.maintenance, async (job) => run(maintenanceJob.parse(job.data)), {
    ...shared,
    name: options.name,
    concurrency,
  });
  worker.on("failed", (job, error) => onError(error, `maintenance failed: ${job?.name ?? "unknown"}`));
  worker.on("error", onConnectionError);
  return async () => {
    clearInterval(rescheduling);
    await worker.close();
    await queue.close();
  };
}

async function schedule(
  queue: Queue<MaintenanceJob>,
  { reconcileEveryMs, observeEveryMs }: Pick<MaintenanceOptions, "reconcileEveryMs" | "observeEveryMs">,
): Promise<void> {
  const periods = [
    ["reconcile", reconcileEveryMs],
    ["observe-apps", observeEveryMs],
    ["clean-sources", cleanSourcesEveryMs],
  ] as const;
  const opts = { attempts: 1, removeOnComplete: true, removeOnFail: { count: 100 } };
  for (const [type, every] of periods)
    await queue.upsertJobScheduler(type, { every }, { name: type, data: { type }, opts });
}
