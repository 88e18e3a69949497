// Takes lane work from BullMQ and reports to BullMQ how each attempt ended. This is the queue boundary: errors become a retry, a
// requeue or a failure here and nowhere else.

import { DelayedError, UnrecoverableError, WaitingError, Worker } from "bullmq";
import type { Job } from "bullmq";
import { controlChannel, openRedis, queueConnection, subscribe } from "@slipway/bus";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import { laneJob } from "@slipway/protocol";
import type { LaneJob, RedisKeys } from "@slipway/protocol";
import { idOf } from "./lane-kinds.ts";
import { attemptLimit, failedByStalls, maxAttempts, maxStalls, workersDied } from "./lanes.ts";
import type { Lanes } from "./lanes.ts";
import { queueNames } from "./queue-names.ts";
import { connectionFailed } from "./redis-errors.ts";

/** One attempt at an item of an app's lane. */
export interface LaneTask {
  /** Id of the deployment or the operation. */
  readonly id: string;
  readonly type: LaneJob["type"];
  readonly appId: string;
  /** Higher than that of any earlier attempt, also one from before Redis lost its data. */
  readonly attempt: number;
  /** Of `maxAttempts`: how many times the platform may have failed the item so far, this one included. */
  readonly tryNumber: number;
  /** When the item left its lane for the queue; unknown for a task that no job carries. */
  readonly jobAddedAt?: Date;
}

/**
 * Runs an attempt to its end. Resolves when the item is final. Rejects with "requeued" once the item is back in its lane, with
 * "store-unavailable" when nothing can be stored, which is not counted as a try, with a retryable error for another try, or with
 * any other error to fail it. The signal's reason is a SlipwayError: "aborted" (deployments only), "lease-lost" or "requeued".
 */
export type RunAttempt = (task: LaneTask, signal: AbortSignal) => Promise<void>;

/** What a worker does for one kind of lane work. */
export interface LaneWork {
  readonly run: RunAttempt;
  /** Ends an item whose last attempt failed. Idempotent. */
  readonly exhaust: (id: string, error: SlipwayError) => Promise<void>;
}

export interface LaneWorkerOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly lanes: Lanes;
  readonly name: string;
  /** How many deployments run here at a time. */
  readonly concurrency: number;
  /** How many operations run here at a time, beside the deployments. */
  readonly operationConcurrency: number;
  /** How long a job stays with a worker that does not renew it; a dead worker is noticed after at most twice that. */
  readonly leaseMs: number;
  /** The pause before the next attempt at an item whose attempt found the database unavailable. */
  readonly outageDelayMs?: number;
  readonly work: Readonly<Record<LaneJob["type"], LaneWork>>;
  readonly onError: (error: unknown, message: string) => void;
}

export interface LaneWorker {
  readonly active: number;
  /** Ends an attempt that runs here. @returns whether one runs here. */
  cancel(id: string, reason: SlipwayError): boolean;
  /** Takes no more work, waits up to `graceMs` for running attempts, requeues the others, and advances the lanes of all. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

export async function startLaneWorker(options: LaneWorkerOptions): Promise<LaneWorker> {
  const { redisUrl, keys, onError } = options;
  const controllers = new Map<string, AbortController>();
  const cancel = (id: string, reason: SlipwayError): boolean => {
    const controller = controllers.get(id);
    controller?.abort(reason);
    return controller !== undefined;
  };
  // Both queues may contain either kind: the previous version put operations among the deployments.
  const advancing = new Set<Promise<void>>();
  const attempts = { controllers, cancel, advancing };
  const workers = [
    openWorker(queueNames.deployments, options.concurrency, options, attempts),
    openWorker(queueNames.operations, options.operationConcurrency, options, attempts),
  ];
  const redis = openRedis(redisUrl, { maxRetriesPerRequest: null });
  redis.on("error", (error: unknown) => onError(error, "the control channel's connection failed"));
  const control = await subscribe({ redis, keys }, controlChannel, {
    onMessage: ({ deploymentId }) => {
      cancel(deploymentId, new SlipwayError("aborted", "the deployment was aborted"));
    },
    onError: (error) => onError(error, "the control channel failed"),
  });
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  const running = workers.map((worker) =>
    worker.run().catch((error: unknown) => onError(error, "the queue's worker ended")),
  );
  return {
    get active() {
      return controllers.size;
    },
    cancel,
    async stop({ graceMs }) {
      const requeueRest = setTimeout(() => {
        for (const id of controllers.keys())
          cancel(id, new SlipwayError("requeued", "this worker is shutting down"));
      }, graceMs);
      await Promise.all(workers.map((worker) => worker.close()));
      clearTimeout(requeueRest);
      await Promise.all([...running, ...advancing]);
      await control[Symbol.asyncDispose]();
      redis.disconnect();
    },
  };
}

interface Attempts {
  /** By the id of the item. */
  readonly controllers: Map<string, AbortController>;
  readonly cancel: LaneWorker["cancel"];
  /** Advances of lanes after jobs that have ended. They never reject. */
  readonly advancing: Set<Promise<void>>;
}

function openWorker(
  queue: string,
  concurrency: number,
  options: LaneWorkerOptions,
  { controllers, cancel, advancing }: Attempts,
): Worker {
  const { redisUrl, keys, lanes, leaseMs, work, onError } = options;
  const worker = new Worker(queue, (job, token) => runJob(job, token, options, controllers), {
    connection: queueConnection(redisUrl, { maxRetriesPerRequest: null }),
    prefix: keys.queuePrefix,
    name: options.name,
    concurrency,
    lockDuration: leaseMs,
    stalledInterval: leaseMs,
    maxStalledCount: maxStalls,
    autorun: false,
  });
  // Within the processor the app's deduplication key is still held and an add would be lost: lanes advance on these events.
  const follow = async (job: Job, failure?: SlipwayError): Promise<void> => {
    const item = laneJob.parse(job.data);
    if (failure !== undefined) await work[item.type].exhaust(idOf(item), failure);
    await (item.type === "deploy" ? lanes.advanceAfter(item) : lanes.advance(item.appId));
  };
  const advance = (job: Job, failure?: SlipwayError): void => {
    const done = follow(job, failure)
      .catch((error: unknown) => onError(error, "cannot advance a lane; the reconciler will"))
      .finally(() => advancing.delete(done));
    advancing.add(done);
  };
  worker.on("completed", (job) => advance(job));
  worker.on("failed", (job, error) => {
    if (job === undefined || (job.finishedOn === undefined && job.attemptsMade < maxAttempts)) return;
    advance(job, failedByStalls(job) ? workersDied() : toSlipwayError(error));
  });
  worker.on("lockRenewalFailed", (jobIds) => {
    for (const id of jobIds)
      cancel(id, new SlipwayError("lease-lost", "the queue could not renew this worker's lease"));
  });
  worker.on("error", (error) => onError(error, connectionFailed));
  return worker;
}

async function runJob(
  job: Job,
  token: string | undefined,
  { work, onError, outageDelayMs = 15_000 }: LaneWorkerOptions,
  controllers: Attempts["controllers"],
): Promise<void> {
  const item = laneJob.parse(job.data);
  const id = idOf(item);
  const controller = new AbortController();
  controllers.set(id, controller);
  const attempt = item.attemptBase + job.attemptsStarted;
  const tryNumber = job.attemptsMade + job.stalledCounter + 1;
  try {
    await work[item.type].run(
      { id, type: item.type, appId: item.appId, attempt, tryNumber, jobAddedAt: new Date(job.timestamp) },
      controller.signal,
    );
  } catch (thrown) {
    const error = toSlipwayError(thrown);
    if (error.code === "requeued") {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    onError(
      thrown,
      `attempt ${attempt} at ${item.type === "deploy" ? "deployment" : "operation"} ${id} failed`,
    );
    // The attempt that holds the item ends it: a failed job would end it as exhausted.
    if (error.code === "lease-lost") return;
    if (error.code === "store-unavailable" && job.attemptsStarted < attemptLimit) {
      await job.moveToDelayed(Date.now() + outageDelayMs, token);
      throw new DelayedError();
    }
    if (!error.retryable) throw new UnrecoverableError(`${error.code}: ${error.message}`);
    throw error;
  } finally {
    controllers.delete(id);
  }
}
