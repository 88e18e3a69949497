// Takes deployments and operations from BullMQ, one call of `run` or `operate` each, and tells BullMQ how it went. This is
// the queue boundary: errors become retry, hand-back or failure here and nowhere else.

import { DelayedError, UnrecoverableError, WaitingError, Worker } from "bullmq";
import type { Job } from "bullmq";
import { Redis } from "ioredis";
import { contain } from "@slipway/async";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import { controlMessage, laneJob } from "@slipway/protocol";
import type { LaneJob, RedisKeys } from "@slipway/protocol";
import { attemptLimit, maxAttempts } from "./lanes.ts";
import type { Lanes } from "./lanes.ts";
import { queueNames } from "./queue-names.ts";

/** One attempt at whatever an app's lane handed out. */
interface LaneTask {
  readonly appId: string;
  /** Higher than that of any earlier attempt, also one from before Redis was lost. */
  readonly attempt: number;
  /** Of `maxAttempts`: how many times the platform may have failed it so far, this one included. */
  readonly tryNumber: number;
}

/** One attempt at one deployment. */
export interface DeployTask extends LaneTask {
  readonly deploymentId: string;
}

/** One attempt at one operation. */
export interface OperateTask extends LaneTask {
  readonly operationId: string;
}

/**
 * Runs an attempt to its end. Resolves when the deployment is final. Rejects with "requeued" once the deployment is queued again,
 * with "store-unavailable" where nothing can be written down, which is not counted as a try, with a retryable error for
 * another try, or another error when it is no use.
 * The signal's reason is a SlipwayError: "aborted", "lease-lost" or "requeued".
 */
export type RunDeployment = (task: DeployTask, signal: AbortSignal) => Promise<void>;

/** Like RunDeployment, of an operation; there is no "aborted" for it. One that is handed back may stay "running". */
export type RunOperation = (task: OperateTask, signal: AbortSignal) => Promise<void>;

export interface DeployWorkerOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly lanes: Lanes;
  readonly name: string;
  /** How many deployments run here at a time. */
  readonly concurrency: number;
  /** How many operations run here at a time, beside the deployments. */
  readonly operationConcurrency: number;
  /** How long a job stays ours without a sign of life; after a worker's death it takes up to twice that to be noticed. */
  readonly leaseMs: number;
  /** How long after one that met a database which is away the next attempt begins. */
  readonly outageDelayMs?: number;
  readonly run: RunDeployment;
  readonly operate: RunOperation;
  /** The last attempt failed: the deployment has to become final. */
  readonly onExhausted: (deploymentId: string, error: SlipwayError) => Promise<void>;
  /** The same of an operation. */
  readonly onOperationExhausted: (operationId: string, error: SlipwayError) => Promise<void>;
  readonly onError: (error: unknown, message: string) => void;
}

export interface DeployWorker {
  readonly active: number;
  /** Ends a running deployment or operation here. @returns whether it ran here. */
  cancel(id: string, reason: SlipwayError): boolean;
  /** Takes no more, waits up to `graceMs` for what runs, then hands the rest back. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

export async function startDeployWorker(options: DeployWorkerOptions): Promise<DeployWorker> {
  const { redisUrl, keys, lanes, onError, leaseMs, outageDelayMs = 15_000 } = options;
  const controllers = new Map<string, AbortController>();

  async function process(job: Job, token?: string): Promise<void> {
    const work = laneJob.parse(job.data);
    const id = idOf(work);
    const controller = new AbortController();
    controllers.set(id, controller);
    const attempt = work.attemptBase + job.attemptsStarted;
    const tryNumber = job.attemptsMade + job.stalledCounter + 1;
    try {
      await start(work, { appId: work.appId, attempt, tryNumber }, controller.signal);
    } catch (thrown) {
      const error = toSlipwayError(thrown);
      if (error.code === "requeued") {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      onError(thrown, `attempt ${attempt} at ${nameOf(work)} ${id} failed`);
      // The attempt that has it ends it: a failed job would have it ended as one that nobody can do.
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

  function start(work: LaneJob, task: LaneTask, signal: AbortSignal): Promise<void> {
    if (work.type === "deploy") return options.run({ ...task, deploymentId: work.deploymentId }, signal);
    return options.operate({ ...task, operationId: work.operationId }, signal);
  }

  function exhaust(work: LaneJob, error: SlipwayError): Promise<void> {
    if (work.type === "deploy") return options.onExhausted(work.deploymentId, error);
    return options.onOperationExhausted(work.operationId, error);
  }

  function cancel(id: string, reason: SlipwayError): boolean {
    const controller = controllers.get(id);
    controller?.abort(reason);
    return controller !== undefined;
  }

  // Inside the processor the app's key is still held and an add would be lost: the lane moves on these events.
  const moveOn = contain(
    async (job: Job, exhausted?: SlipwayError) => {
      const work = laneJob.parse(job.data);
      if (exhausted !== undefined) await exhaust(work, exhausted);
      await (work.type === "deploy" ? lanes.advanceAfter(work) : lanes.advance(work.appId));
    },
    (error) => onError(error, "cannot move a lane on; the reconciler will"),
  );

  // Both take jobs of either kind: the version before put operations among the deployments.
  const workers = [
    workerOf(queueNames.deployments, options.concurrency),
    workerOf(queueNames.operations, options.operationConcurrency),
  ];

  function workerOf(queue: string, concurrency: number): Worker {
    const worker = new Worker(queue, process, {
      connection: { url: redisUrl, maxRetriesPerRequest: null },
      prefix: keys.queuePrefix,
      name: options.name,
      concurrency,
      lockDuration: leaseMs,
      stalledInterval: leaseMs,
      maxStalledCount: maxAttempts - 1,
      autorun: false,
    });
    worker.on("completed", (job) => moveOn(job));
    worker.on("failed", (job, error) => {
      if (job === undefined || (job.finishedOn === undefined && job.attemptsMade < maxAttempts)) return;
      moveOn(job, toSlipwayError(error));
    });
    worker.on("lockRenewalFailed", (jobIds) => {
      for (const id of jobIds)
        cancel(id, new SlipwayError("lease-lost", "the queue could not renew this worker's lease"));
    });
    worker.on("error", (error) => onError(error, "the queue's connection failed"));
    return worker;
  }

  const control = await listenForAborts(redisUrl, keys, cancel, onError);
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
      const handBack = setTimeout(() => {
        for (const id of controllers.keys())
          cancel(id, new SlipwayError("requeued", "this worker is shutting down"));
      }, graceMs);
      await Promise.all(workers.map((worker) => worker.close()));
      clearTimeout(handBack);
      await Promise.all(running);
      control.disconnect();
    },
  };
}

function idOf(work: LaneJob): string {
  return work.type === "deploy" ? work.deploymentId : work.operationId;
}

function nameOf({ type }: LaneJob): string {
  return type === "deploy" ? "deployment" : "operation";
}

async function listenForAborts(
  redisUrl: string,
  keys: RedisKeys,
  cancel: DeployWorker["cancel"],
  onError: DeployWorkerOptions["onError"],
): Promise<Redis> {
  const control = new Redis(redisUrl, { maxRetriesPerRequest: null });
  control.on("error", (error: unknown) => onError(error, "the control channel's connection failed"));
  const receive = (_channel: string, text: string) => {
    const { deploymentId } = controlMessage.parse(JSON.parse(text));
    cancel(deploymentId, new SlipwayError("aborted", "the deployment was aborted"));
  };
  const refuse = (error: unknown) => onError(error, "a message on the control channel is not one of ours");
  control.on("message", contain(receive, refuse));
  await control.subscribe(keys.controlChannel);
  return control;
}
