// The queue of notifications: one job per delivery, retried with growing delays for hours while its receiver fails.

import { Worker } from "bullmq";
import type { Queue } from "bullmq";
import { workerConnection } from "@slipway/bus";
import { notifyJob } from "@slipway/protocol";
import type { NotifyJob, RedisKeys } from "@slipway/protocol";
import { idleOptions } from "./idle-options.ts";
import { OwnedQueue } from "./owned-queue.ts";
import { withQueueErrors } from "./redis-errors.ts";

const queueName = "notifications";

/** The pauses double from five seconds, so the last attempt is almost three hours after the first. */
const attempts = 12;
const retried = { type: "exponential", delay: 5_000, jitter: 0.2 } as const;
/** Jobs are kept longer than the period in which events are searched: a delivery whose job is kept gets no second job. */
const kept = {
  removeOnComplete: { age: 86_400, count: 10_000 },
  removeOnFail: { age: 7 * 86_400, count: 10_000 },
};
/** High, so that crashed workers do not use up a job's attempts: a failed job is kept, so its delivery would get no further job. */
const maxStalledCount = 100;
/** High, because jobs mostly wait for receivers, and unresponsive receivers must not delay the others. */
const atOnce = 50;

export interface NotificationsOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  /** Milliseconds after which a call fails. By default a call waits as long as Redis is frozen. */
  readonly limitMs?: number;
  readonly onError: (error: unknown, message: string) => void;
}

export interface Notifications extends AsyncDisposable {
  /** The BullMQ queue, for the dashboard. */
  readonly queue: Queue;
  /** Adds the delivery's job. Idempotent. @throws {SlipwayError} "queue-unavailable". */
  add(job: NotifyJob): Promise<void>;
}

/** Opens the queue of notifications. */
export function openNotifications({ redisUrl, keys, limitMs, onError }: NotificationsOptions): Notifications {
  const queue = new OwnedQueue<NotifyJob>(queueName, { redisUrl, keys });
  queue.on("error", (error) => onError(error, "the connection of the notifications' queue failed"));
  return {
    queue,
    add: (job) =>
      withQueueErrors(async () => {
        // The user who sends a test sees whether it arrives, and can send another one.
        const tries = job.event === "test" ? 1 : attempts;
        await queue.add("notify", job, { jobId: job.deliveryId, attempts: tries, backoff: retried, ...kept });
      }, limitMs),
    [Symbol.asyncDispose]: () => queue.close(),
  };
}

export interface NotificationWorkerOptions extends NotificationsOptions {
  /** Sends the notification once. When it rejects, the job is retried, unless this was the last attempt. */
  readonly run: (job: NotifyJob, attempt: { readonly isLast: boolean }) => Promise<void>;
}

/** @returns a function that stops the worker when its running jobs have ended. */
export function startNotificationWorker(options: NotificationWorkerOptions): () => Promise<void> {
  const { redisUrl, keys, run, onError } = options;
  const worker = new Worker(
    queueName,
    async (job) =>
      run(notifyJob.parse(job.data), { isLast: job.attemptsMade + 1 >= (job.opts.attempts ?? 1) }),
    {
      connection: workerConnection(redisUrl),
      prefix: keys.queuePrefix,
      concurrency: atOnce,
      ...idleOptions(redisUrl),
      maxStalledCount,
    },
  );
  worker.on("failed", (job, error) => {
    // The outcome of a retried job is in the delivery.
    if (job === undefined || job.finishedOn !== undefined)
      onError(error, "a notification failed in its last attempt");
  });
  worker.on("error", (error) => onError(error, "the connection of the notifications' queue failed"));
  return () => worker.close();
}
