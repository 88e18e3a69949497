// Runs the jobs of lanes, limiting builds to this worker's build slots, and advances the lanes whose items have ended.

import { Worker } from "bullmq";
import type { Job } from "bullmq";
import { controlChannel, openRedis, subscribe, workerConnection } from "@slipway/bus";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import { laneJob } from "@slipway/protocol";
import type { LaneJob, RedisKeys } from "@slipway/protocol";
import { Attempts } from "./attempts.ts";
import { BuildSlots } from "./build-slots.ts";
import { idleOptions } from "./idle-options.ts";
import { idOf } from "./lane-kinds.ts";
import type { LaneWork } from "./lane-task.ts";
import { failedByStalls, maxAttempts, maxStalls, workersDied } from "./lanes.ts";
import type { Lanes } from "./lanes.ts";
import { queueNames } from "./queue-names.ts";
import { connectionFailed } from "./redis-errors.ts";
import { EndedWithError, runJob } from "./run-job.ts";
import type { RunJobContext } from "./run-job.ts";

export interface LaneWorkerOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly lanes: Lanes;
  readonly name: string;
  /** Number of build slots: the maximum number of concurrent builds. */
  readonly concurrency: number;
  /** Maximum number of further deployments, whose apps are starting. */
  readonly startConcurrency?: number;
  /** Maximum number of concurrent operations and deployments of earlier releases, in addition to the others. */
  readonly operationConcurrency: number;
  /** How long a job remains assigned to a worker that does not renew its lease. A crash is noticed within twice this time. */
  readonly leaseMs: number;
  /** The pause before the next attempt at an item when the database was unavailable. */
  readonly outageDelayMs?: number;
  readonly work: Readonly<Record<LaneJob["type"], LaneWork>>;
  readonly onError: (error: unknown, message: string) => void;
}

export interface LaneWorker {
  readonly active: number;
  /** Cancels an attempt. @returns whether the attempt runs here. */
  cancel(id: string, reason: SlipwayError): boolean;
  /** Number of deployments that currently build here. */
  readonly usedBuildSlots: number;
  /** While draining, the worker takes no new jobs; running ones continue. */
  setDraining(isDraining: boolean): Promise<void>;
  /** Resolves when no attempt runs here. */
  idle(): Promise<void>;
  /** Takes no new jobs, waits up to `graceMs` for running attempts, requeues the rest, and advances their lanes. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

const defaultStartConcurrency = 16;
const defaultOutageDelayMs = 15_000;

/** Starts to take jobs of lanes. Resolves when the worker is connected to Redis. */
export async function startLaneWorker(options: LaneWorkerOptions): Promise<LaneWorker> {
  const { redisUrl, keys, onError } = options;
  const attempts = new Attempts();
  const { cancel } = attempts;
  const { worker, slots } = openDeploymentWorker(options, attempts);
  const workers = [worker, openOperationWorker(options, attempts)];
  const redis = openRedis(redisUrl, { maxRetriesPerRequest: null });
  redis.on("error", (error: unknown) => onError(error, "the control channel's connection failed"));
  const control = await subscribe({ redis, keys }, controlChannel, {
    onMessage: ({ deploymentId }) => {
      cancel(deploymentId, new SlipwayError("aborted", "the deployment was aborted"));
    },
    onError: (error) => onError(error, "the control channel failed"),
  });
  await Promise.all(workers.map((each) => each.waitUntilReady()));
  const running = workers.map((each) =>
    each.run().catch((error: unknown) => onError(error, "the queue's worker ended")),
  );
  return {
    get active() {
      return attempts.controllers.size;
    },
    cancel,
    get usedBuildSlots() {
      return slots.used;
    },
    setDraining: (isDraining) => setDraining(workers, attempts, isDraining),
    idle: () => attempts.idle(),
    async stop({ graceMs }) {
      const requeueRest = setTimeout(() => {
        for (const id of attempts.controllers.keys())
          cancel(id, new SlipwayError("requeued", "this worker is shutting down"));
      }, graceMs);
      await Promise.all(workers.map((each) => each.close()));
      clearTimeout(requeueRest);
      await Promise.all([...running, ...attempts.background]);
      await control[Symbol.asyncDispose]();
      redis.disconnect();
    },
  };
}

function setDraining(workers: readonly Worker[], attempts: Attempts, isDraining: boolean): Promise<void> {
  if (attempts.isDraining === isDraining) return Promise.resolve();
  attempts.isDraining = isDraining;
  return allDone(workers.map((worker) => (isDraining ? worker.pause(true) : worker.resume())));
}

async function allDone(changes: readonly Promise<void>[]): Promise<void> {
  await Promise.all(changes);
}

/**
 * The worker for builds. BullMQ's concurrency is the number of running jobs plus the number of free build slots: a job whose build has
 * ended makes room for the next one.
 */
function openDeploymentWorker(options: LaneWorkerOptions, attempts: Attempts) {
  const { concurrency, startConcurrency: beside = defaultStartConcurrency } = options;
  const onChange = () => {
    const { capacity } = slots;
    const isMore = capacity > worker.concurrency;
    worker.concurrency = capacity;
    if (isMore && !attempts.isDraining) attempts.track(wake(worker).catch(onWakeError));
  };
  const onWakeError = (error: unknown) => options.onError(error, "cannot wake the queue's worker");
  const slots = new BuildSlots({ count: concurrency, beside, onChange });
  const context = runContext(options, attempts);
  const noteBuildEnd = (deployment: { readonly id: string; readonly ownerId: string }) => {
    attempts.track(
      options.lanes
        .buildEnded(deployment)
        .catch((error: unknown) =>
          options.onError(error, "cannot give a freed build slot to a waiting app; the reconciler will"),
        ),
    );
  };
  const processJob = async (job: Job, token?: string) => {
    const item = laneJob.parse(job.data);
    const onEnd = () => {
      if (item.type === "deploy") noteBuildEnd({ id: item.deploymentId, ownerId: item.ownerId });
    };
    using slot = slots.open(onEnd);
    if (item.type === "operate" || !item.builds) slot.release();
    await runJob(job, token, context, slot).finally(() => attempts.noteEnd());
  };
  const worker: Worker = openWorker(
    queueNames.deployments,
    { ...options, concurrency, processJob },
    attempts,
  );
  return { worker, slots };
}

/** While all its jobs run, a BullMQ worker does not notice a higher concurrency until it is paused and resumed. */
function wake(worker: Worker): Promise<void> {
  return allDone([worker.pause(true), worker.resume()]);
}

/** The worker for operations and deployments of earlier releases. Previous versions added operations to the queue of builds. */
function openOperationWorker(options: LaneWorkerOptions, attempts: Attempts): Worker {
  const context = runContext(options, attempts);
  const processJob = (job: Job, token?: string) =>
    runJob(job, token, context).finally(() => attempts.noteEnd());
  const concurrency = options.operationConcurrency;
  return openWorker(queueNames.operations, { ...options, concurrency, processJob }, attempts);
}

function runContext({ work, outageDelayMs, onError }: LaneWorkerOptions, attempts: Attempts): RunJobContext {
  return {
    work,
    controllers: attempts.controllers,
    outageDelayMs: outageDelayMs ?? defaultOutageDelayMs,
    isDraining: () => attempts.isDraining,
    onError,
  };
}

function openWorker(
  queue: string,
  options: LaneWorkerOptions & { readonly processJob: (job: Job, token?: string) => Promise<void> },
  attempts: Attempts,
): Worker {
  const { redisUrl, keys, lanes, leaseMs, work, concurrency, processJob, onError } = options;
  const worker = new Worker(queue, processJob, {
    connection: workerConnection(redisUrl),
    prefix: keys.queuePrefix,
    name: options.name,
    concurrency,
    ...idleOptions(redisUrl, leaseMs),
    lockDuration: leaseMs,
    stalledInterval: leaseMs,
    maxStalledCount: maxStalls,
    autorun: false,
  });
  // Within the processor the app's deduplication key is still held, so an added job would be dropped: lanes advance on these events.
  const follow = async (job: Job, failure?: SlipwayError): Promise<void> => {
    const item = laneJob.parse(job.data);
    if (failure !== undefined) await work[item.type].exhaust(idOf(item), failure);
    await (item.type === "deploy" ? lanes.advanceAfter(item) : lanes.advance(item.appId));
  };
  const advance = (job: Job, failure?: SlipwayError): void => {
    attempts.track(
      follow(job, failure).catch((error: unknown) =>
        onError(error, "cannot advance a lane; the reconciler will"),
      ),
    );
  };
  worker.on("completed", (job) => advance(job));
  worker.on("failed", (job, error) => {
    if (error instanceof EndedWithError && job !== undefined) return advance(job);
    if (job === undefined || (job.finishedOn === undefined && job.attemptsMade < maxAttempts)) return;
    advance(job, failedByStalls(job) ? workersDied() : toSlipwayError(error));
  });
  worker.on("lockRenewalFailed", (jobIds) => {
    for (const id of jobIds)
      attempts.cancel(id, new SlipwayError("lease-lost", "the queue could not renew this worker's lease"));
  });
  worker.on("error", (error) => onError(error, connectionFailed));
  return worker;
}
