// Maintenance: periodic work over all apps, each time on one of the workers: reconciling lanes, observing apps, cleaning up; and the
// removal of deleted apps, which a queue distributes.

import { Worker } from "bullmq";
import { workerConnection } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import { maintenanceJob } from "@slipway/protocol";
import type { MaintenanceJob } from "@slipway/protocol";
import { idleOptions } from "./idle-options.ts";
import { OwnedQueue } from "./owned-queue.ts";
import { startPeriodicWork } from "./periodic-work.ts";
import { formerMaintenanceQueue, queueNames } from "./queue-names.ts";

export interface MaintenanceOptions extends Bus {
  readonly redisUrl: string;
  readonly name: string;
  /** Intervals of the periodic work, which covers all apps. Counting files may take long. */
  readonly everyMs: Readonly<Record<"reconcile" | "observe-apps" | "limit-files" | "sweep-rollouts", number>>;
  readonly run: (job: MaintenanceJob) => Promise<void>;
  readonly onError: (error: unknown, message: string) => void;
}

/** Removals that run at once on a worker. */
const removalsAtOnce = 4;
const cleanSourcesEveryMs = 10 * 60_000;
/** The previous version had BullMQ schedule periodic work, in these queues. */
const formerSchedules = {
  [formerMaintenanceQueue]: ["reconcile", "observe-apps", "clean-sources"],
  [queueNames.slowMaintenance]: ["observe-apps", "limit-files", "sweep-rollouts", "clean-sources"],
} as const;

/** @returns a function that stops maintenance after the running work has ended. */
export async function startMaintenance(options: MaintenanceOptions): Promise<() => Promise<void>> {
  const { redis, keys, everyMs, run, onError } = options;
  await removeFormerSchedules(options);
  const removals = startRemovals(options);
  const periodic = startPeriodicWork({
    redis,
    keys,
    everyMs: { ...everyMs, "clean-sources": cleanSourcesEveryMs },
    run: (type) => run({ type }),
    onError,
  });
  return async () => {
    await Promise.all([periodic[Symbol.asyncDispose](), removals.close()]);
  };
}

function startRemovals(options: MaintenanceOptions): Worker {
  const { redisUrl, keys, name, run, onError } = options;
  const remove = async (data: unknown) => {
    const job = maintenanceJob.parse(data);
    if (job.type === "remove-app") await run(job);
    // A worker of the previous version scheduled it after this one had removed the schedules.
    else await removeFormerSchedules(options);
  };
  const worker = new Worker(queueNames.slowMaintenance, ({ data }) => remove(data), {
    connection: workerConnection(redisUrl),
    prefix: keys.queuePrefix,
    name,
    concurrency: removalsAtOnce,
    ...idleOptions(redisUrl),
  });
  worker.on("failed", (job, error) => onError(error, `maintenance failed: ${job?.name ?? "unknown"}`));
  worker.on("error", (error) => onError(error, connectionFailed));
  return worker;
}

const connectionFailed = "the connection of the maintenance queue failed";

async function removeFormerSchedules({ redisUrl, keys, onError }: MaintenanceOptions): Promise<void> {
  for (const [name, types] of Object.entries(formerSchedules)) {
    const queue = new OwnedQueue(name, { redisUrl, keys, maxRetriesPerRequest: null });
    queue.on("error", (error) => onError(error, connectionFailed));
    for (const type of types) await queue.removeJobScheduler(type);
    await queue.close();
  }
}
