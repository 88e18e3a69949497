// What notifiers are to be told, a job each: tried again with growing pauses for hours, whoever is down in between.

import { Queue, Worker } from "bullmq";
import { notifyJob } from "@slipway/protocol";
import type { NotifyJob, RedisKeys } from "@slipway/protocol";
import { withQueueErrors } from "./redis-errors.ts";

const queueName = "notifications";

/** With the pauses that double from five seconds on, the last attempt is almost three hours after the first. */
const attempts = 12;
const retried = { type: "exponential", delay: 5_000, jitter: 0.2 } as const;
/** A job that is kept is not added again: longer than events are looked for. */
const kept = {
  removeOnComplete: { age: 86_400, count: 10_000 },
  removeOnFail: { age: 7 * 86_400, count: 10_000 },
};
/** Most of it is waiting for receivers: some that hang must not hold everybody's up. */
const atOnce = 50;

export interface NotificationsOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly onError: (error: unknown, message: string) => void;
}

export interface Notifications extends AsyncDisposable {
  /** For the dashboard. */
  readonly queue: Queue;
  /** Repeating is fine: a delivery has one job. @throws {SlipwayError} "queue-unavailable". */
  add(job: NotifyJob): Promise<void>;
}

export function openNotifications({ redisUrl, keys, onError }: NotificationsOptions): Notifications {
  const queue = new Queue<NotifyJob>(queueName, {
    connection: { url: redisUrl, maxRetriesPerRequest: 3 },
    prefix: keys.queuePrefix,
  });
  queue.on("error", (error) => onError(error, "the connection of the notifications' queue failed"));
  return {
    queue,
    add: (job) =>
      withQueueErrors(async () => {
        // whoever sends a test looks whether it arrives, and sends another
        const tries = job.event === "test" ? 1 : attempts;
        await queue.add("notify", job, { jobId: job.deliveryId, attempts: tries, backoff: retried, ...kept });
      }),
    [Symbol.asyncDispose]: () => queue.close(),
  };
}

export interface NotificationWorkerOptions extends NotificationsOptions {
  /** Tells it once. Rejecting means that it is to be tried again, unless it was the last time. */
  readonly run: (job: NotifyJob, attempt: { readonly isLast: boolean }) => Promise<void>;
}

/** @returns a function that stops it, after the jobs at hand. */
export function startNotificationWorker(options: NotificationWorkerOptions): () => Promise<void> {
  const { redisUrl, keys, run, onError } = options;
  const worker = new Worker(
    queueName,
    async (job) =>
      run(notifyJob.parse(job.data), { isLast: job.attemptsMade + 1 >= (job.opts.attempts ?? 1) }),
    {
      connection: { url: redisUrl, maxRetriesPerRequest: null },
      prefix: keys.queuePrefix,
      concurrency: atOnce,
    },
  );
  worker.on("error", (error) => onError(error, "the connection of the notifications' queue failed"));
  return () => worker.close();
}
