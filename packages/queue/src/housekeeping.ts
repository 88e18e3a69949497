// The housekeeping queue: work for an app that does not block its lane. Any worker runs a job, and it is repeated until it succeeds.

import { DelayedError, Worker } from "bullmq";
import type { Job, Queue } from "bullmq";
import { workerConnection } from "@slipway/bus";
import { SlipwayError } from "@slipway/core";
import { housekeepingJob } from "@slipway/protocol";
import type { HousekeepingJob, RedisKeys } from "@slipway/protocol";
import { idleOptions } from "./idle-options.ts";
import { OwnedQueue } from "./owned-queue.ts";
import { withQueueErrors } from "./redis-errors.ts";

const queueName = "housekeeping";

/**
 * The pauses double from five seconds, so the last of twelve attempts is almost three hours after the first. If a rollout still
 * exists after two minutes, the periodic cleanup requests its stop again.
 */
const attempts = { "stop-rollout": 6, "promote-rollout": 12, "prune-images": 12 } as const;
const retried = { type: "exponential", delay: 5_000, jitter: 0.2 } as const;
const kept = { removeOnComplete: { age: 86_400, count: 500 }, removeOnFail: { age: 7 * 86_400, count: 500 } };
/** A high limit, because jobs mostly wait for processes that stop, or for a registry. */
const atOnce = 20;
/** High, so that crashed workers do not use up a job's attempts. */
const maxStalledCount = 100;

export interface HousekeepingOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly onError: (error: unknown, message: string) => void;
}

export interface Housekeeping extends AsyncDisposable {
  /** The BullMQ queue, for the dashboard. */
  readonly queue: Queue<HousekeepingJob>;
  /**
   * Per rollout, and per app's images, one job runs at a time. A request while such a job waits adds no job; a request while one
   * runs adds a job that runs after it. @throws {SlipwayError} "queue-unavailable".
   */
  request(job: HousekeepingJob): Promise<void>;
}

/** Opens the queue of housekeeping jobs. */
export function openHousekeeping({ redisUrl, keys, onError }: HousekeepingOptions): Housekeeping {
  const queue = new OwnedQueue<HousekeepingJob>(queueName, { redisUrl, keys });
  queue.on("error", (error) => onError(error, "the connection of the housekeeping queue failed"));
  return {
    queue,
    request: (job) =>
      withQueueErrors(async () => {
        const deduplication = { id: subjectOf(job), keepLastIfActive: true };
        const tries = { attempts: attempts[job.type], backoff: retried };
        await queue.add(job.type, job, { deduplication, ...tries, ...kept });
      }),
    [Symbol.asyncDispose]: () => queue.close(),
  };
}

export interface HousekeepingWorkerOptions extends HousekeepingOptions {
  /** How long a job remains assigned to a worker without heartbeats. A crash is noticed within twice this time. */
  readonly leaseMs: number;
  /** The delay before another worker takes a job that this worker has requeued. */
  readonly resumeAfterMs: number;
  /**
   * Runs a job once. A rejection schedules another attempt. The signal's reason is "requeued" when this worker shuts down and
   * another one takes over.
   */
  readonly run: (job: HousekeepingJob, signal: AbortSignal) => Promise<void>;
}

/** @returns a function that stops the worker: it requeues the running jobs, and resolves afterwards. */
export function startHousekeepingWorker(options: HousekeepingWorkerOptions): () => Promise<void> {
  const { redisUrl, keys, leaseMs, resumeAfterMs, run, onError } = options;
  const leaving = new AbortController();
  const process = async (job: Job, token?: string): Promise<void> => {
    try {
      await run(housekeepingJob.parse(job.data), leaving.signal);
    } catch (error) {
      if (!leaving.signal.aborted) throw error;
      await job.moveToDelayed(Date.now() + resumeAfterMs, token);
      throw new DelayedError();
    }
  };
  const worker = new Worker(queueName, process, {
    connection: workerConnection(redisUrl),
    prefix: keys.queuePrefix,
    concurrency: atOnce,
    ...idleOptions(redisUrl, leaseMs),
    lockDuration: leaseMs,
    stalledInterval: leaseMs,
    maxStalledCount,
  });
  worker.on("failed", (job, error) => onError(error, `housekeeping failed: ${job?.name ?? "unknown"}`));
  worker.on("error", (error) => onError(error, "the connection of the housekeeping queue failed"));
  return async () => {
    leaving.abort(new SlipwayError("requeued", "this worker is shutting down"));
    await worker.close();
  };
}

function subjectOf(job: HousekeepingJob): string {
  if (job.type === "prune-images") return `${job.type} ${job.appId}`;
  if (job.type === "promote-rollout") return `${job.type} ${job.rolloutId}`;
  return `${job.type} ${job.rolloutId} ${job.attempt}`;
}
