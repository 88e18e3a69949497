// Runs the attempt of a job, and reports its outcome to BullMQ. Only here do errors become a retry, a requeue or a failure.

import { DelayedError, UnrecoverableError, WaitingError } from "bullmq";
import type { Job } from "bullmq";
import { toSlipwayError } from "@slipway/core";
import { laneJob } from "@slipway/protocol";
import type { LaneJob } from "@slipway/protocol";
import type { BuildSlot } from "./build-slots.ts";
import { highestPriority } from "./fair-share.ts";
import { idOf } from "./lane-kinds.ts";
import { ItemFailed } from "./lane-task.ts";
import type { LaneTask, LaneWork } from "./lane-task.ts";
import { attemptLimit } from "./lanes.ts";

export interface RunJobContext {
  readonly work: Readonly<Record<LaneJob["type"], LaneWork>>;
  /** Abort controllers of the attempts that run here, by item id. */
  readonly controllers: Map<string, AbortController>;
  /** The pause before the next attempt at an item when the database was unavailable. */
  readonly outageDelayMs: number;
  /** Whether this worker is draining. A job that BullMQ assigns to it at that moment is requeued. */
  readonly isDraining: () => boolean;
  readonly onError: (error: unknown, message: string) => void;
}

/** The failure of a job whose attempt ended its item with an error. */
export class EndedWithError extends UnrecoverableError {}

/** BullMQ's processor. */
export async function runJob(
  job: Job,
  token: string | undefined,
  context: RunJobContext,
  buildSlot?: BuildSlot,
): Promise<void> {
  if (context.isDraining()) await returnToQueue(job, token);
  const { controllers, work } = context;
  const item = laneJob.parse(job.data);
  const task: LaneTask = {
    id: idOf(item),
    type: item.type,
    appId: item.appId,
    attempt: item.attemptBase + job.attemptsStarted,
    tryNumber: job.attemptsMade + job.stalledCounter + 1,
    jobAddedAt: new Date(job.timestamp),
    ...(buildSlot === undefined ? {} : { buildSlot }),
  };
  const controller = new AbortController();
  controllers.set(task.id, controller);
  try {
    await work[item.type].run(task, controller.signal);
  } catch (thrown) {
    await report(job, token, task, thrown, context);
  } finally {
    controllers.delete(task.id);
  }
}

/** Resolves for a completed job. @throws the error that BullMQ expects for any other end. */
async function report(
  job: Job,
  token: string | undefined,
  { id, type, attempt }: LaneTask,
  thrown: unknown,
  { onError, outageDelayMs }: RunJobContext,
): Promise<void> {
  if (thrown instanceof ItemFailed) throw new EndedWithError(thrown.message);
  const error = toSlipwayError(thrown);
  if (error.code === "requeued") await returnToQueue(job, token);
  onError(thrown, `attempt ${attempt} at ${type === "deploy" ? "deployment" : "operation"} ${id} failed`);
  // The attempt that holds the lease ends the item; if this job failed, the item would end as exhausted.
  if (error.code === "lease-lost") return;
  if (error.code === "store-unavailable" && job.attemptsStarted < attemptLimit) {
    await moveToFront(job);
    await job.moveToDelayed(Date.now() + outageDelayMs, token);
    throw new DelayedError();
  }
  if (!error.retryable) throw new UnrecoverableError(`${error.code}: ${error.message}`);
  await moveToFront(job);
  throw error;
}

/** @throws always: the error with which BullMQ returns the job to the queue, for another worker. */
async function returnToQueue(job: Job, token: string | undefined): Promise<never> {
  await moveToFront(job);
  await job.moveToWait(token);
  throw new WaitingError();
}

/** The job was already first in the queue, so it precedes all jobs that were added in the meantime. */
async function moveToFront(job: Job): Promise<void> {
  await job.changePriority({ priority: highestPriority });
}
