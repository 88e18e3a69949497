// Takes deployments from BullMQ, one call of `run` each, and tells BullMQ how it went. This is the queue boundary: errors
// become retry, hand-back or failure here and nowhere else.

import { UnrecoverableError, WaitingError, Worker } from "bullmq";
import type { Job } from "bullmq";
import { Redis } from "ioredis";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import { controlMessage, deployJob } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";
import { maxAttempts, queueNames } from "./lanes.ts";
import type { Lanes } from "./lanes.ts";

/** One attempt at one deployment. */
export interface DeployTask {
  readonly deploymentId: string;
  readonly appId: string;
  /** Higher than that of any earlier attempt, also one from before Redis was lost. */
  readonly attempt: number;
  /** Of `maxAttempts`: how many times the platform may have failed it so far, this one included. */
  readonly tryNumber: number;
}

/**
 * Runs an attempt to its end. Resolves when the deployment is final. Rejects with "handed-back" once the deployment is queued again,
 * with a retryable error for another attempt, or another error when it is no use.
 * The signal's reason is a SlipwayError: "aborted", "lease-lost" or "handed-back".
 */
export type RunDeployment = (task: DeployTask, signal: AbortSignal) => Promise<void>;

export interface DeployWorkerOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly lanes: Lanes;
  readonly name: string;
  readonly concurrency: number;
  /** How long a job stays ours without a sign of life; after a worker's death it takes up to twice that to be noticed. */
  readonly leaseMs: number;
  readonly run: RunDeployment;
  /** The last attempt failed: the deployment has to become final. */
  readonly onExhausted: (deploymentId: string, error: SlipwayError) => Promise<void>;
  readonly onError: (error: unknown, message: string) => void;
}

export interface DeployWorker {
  readonly active: number;
  /** Ends a running deployment here. @returns whether it ran here. */
  cancel(deploymentId: string, reason: SlipwayError): boolean;
  /** Takes no more, waits up to `graceMs` for what runs, then hands the rest back. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

export async function startDeployWorker(options: DeployWorkerOptions): Promise<DeployWorker> {
  const { redisUrl, keys, lanes, run, onError, leaseMs } = options;
  const controllers = new Map<string, AbortController>();

  const worker = new Worker(queueNames.deployments, process, {
    connection: { url: redisUrl, maxRetriesPerRequest: null },
    prefix: keys.queuePrefix,
    name: options.name,
    concurrency: options.concurrency,
    lockDuration: leaseMs,
    stalledInterval: leaseMs,
    maxStalledCount: maxAttempts - 1,
    autorun: false,
  });

  async function process(job: Job, token?: string): Promise<void> {
    const { deploymentId, appId, attemptBase } = deployJob.parse(job.data);
    const controller = new AbortController();
    controllers.set(deploymentId, controller);
    const tryNumber = job.attemptsMade + job.stalledCounter + 1;
    try {
      await run(
        { deploymentId, appId, attempt: attemptBase + job.attemptsStarted, tryNumber },
        controller.signal,
      );
    } catch (thrown) {
      const error = toSlipwayError(thrown);
      if (error.code === "handed-back") {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      onError(thrown, `attempt ${attemptBase + job.attemptsStarted} at deployment ${deploymentId} failed`);
      if (!error.retryable) throw new UnrecoverableError(`${error.code}: ${error.message}`);
      throw error;
    } finally {
      controllers.delete(deploymentId);
    }
  }

  function cancel(deploymentId: string, reason: SlipwayError): boolean {
    const controller = controllers.get(deploymentId);
    controller?.abort(reason);
    return controller !== undefined;
  }

  // Inside the processor the app's key is still held and an add would be lost: the lane moves on these events.
  const moveOn = async (job: Job, exhausted?: SlipwayError) => {
    try {
      if (exhausted !== undefined) await options.onExhausted(job.data.deploymentId, exhausted);
      await lanes.advance(job.data.appId);
    } catch (error) {
      onError(error, "cannot move a lane on; the reconciler will");
    }
  };
  worker.on("completed", (job) => void moveOn(job));
  worker.on("failed", (job, error) => {
    if (job === undefined || (job.finishedOn === undefined && job.attemptsMade < maxAttempts)) return;
    void moveOn(job, toSlipwayError(error));
  });
  worker.on("lockRenewalFailed", (jobIds) => {
    for (const id of jobIds)
      cancel(id, new SlipwayError("lease-lost", "the queue could not renew this worker's lease"));
  });
  worker.on("error", (error) => onError(error, "the queue's connection failed"));

  const control = await listenForAborts(redisUrl, keys, cancel, onError);
  await worker.waitUntilReady();
  const running = worker.run().catch((error: unknown) => onError(error, "the queue's worker ended"));

  return {
    get active() {
      return controllers.size;
    },
    cancel,
    async stop({ graceMs }) {
      const handBack = setTimeout(() => {
        for (const id of controllers.keys())
          cancel(id, new SlipwayError("handed-back", "this worker is shutting down"));
      }, graceMs);
      await worker.close();
      clearTimeout(handBack);
      await running;
      control.disconnect();
    },
  };
}

async function listenForAborts(
  redisUrl: string,
  keys: RedisKeys,
  cancel: DeployWorker["cancel"],
  onError: DeployWorkerOptions["onError"],
): Promise<Redis> {
  const control = new Redis(redisUrl, { maxRetriesPerRequest: null });
  control.on("error", (error: unknown) => onError(error, "the control channel's connection failed"));
  control.on("message", (_channel: string, text: string) => {
    const message = controlMessage.safeParse(JSON.parse(text));
    if (!message.success) onError(message.error, "a message on the control channel is not one of ours");
    else cancel(message.data.deploymentId, new SlipwayError("aborted", "the deployment was aborted"));
  });
  await control.subscribe(keys.controlChannel);
  return control;
}
