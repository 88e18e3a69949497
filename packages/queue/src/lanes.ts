// Lanes: an app's waiting operations and queued deployments, of which one is handed to BullMQ when the app is free.
// Operations go first: they are short, and a build may be long.
//
// The store is the truth. An app has at most one job until that is completed or failed (lane-queues.ts), so adding twice is a
// no-op: call `advance` whenever in doubt.

import { Queue } from "bullmq";
import { Redis } from "ioredis";
import type { Deployment, DeploymentStore, Operation, OperationStore } from "@slipway/core";
import type { ControlMessage, LaneJob, RedisKeys, UpkeepJob } from "@slipway/protocol";
import { withQueueErrors } from "./redis-errors.ts";
import { openLaneQueues } from "./lane-queues.ts";
import { ownerSlotsOf } from "./owner-slots.ts";
import { queueNames } from "./queue-names.ts";

/** How often a deployment or an operation is tried when the platform fails it. */
export const maxAttempts = 3;

/** However an attempt came to its end, hand-backs included: nothing goes round for ever. */
export const attemptLimit = 30;

export interface LanesOptions {
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  readonly deployments: DeploymentStore;
  readonly operations: OperationStore;
  /** How many deployments of one owner may run or wait for a worker at a time; the rest stays in its lanes. */
  readonly ownerSlots?: number;
  /** Told of a connection's errors; they heal by themselves or show in the calls that fail. */
  readonly onError: (error: unknown) => void;
}

export interface Lanes extends AsyncDisposable {
  /** All queues, for the dashboard. */
  readonly queues: readonly Queue[];
  /**
   * Hands the app's next operation or deployment to the workers if the app is free; a deployment needs a slot of its owner
   * too. Idempotent.
   */
  advance(appId: string): Promise<void>;
  /**
   * When a deployment has ended: hands its slot to whichever app of the owner waits longest for one, before the app's own next.
   * Idempotent.
   */
  advanceAfter(ended: Pick<Deployment, "appId" | "ownerId">): Promise<void>;
  /** Whether the owner may have one more deployment run or wait for a worker. */
  hasSlot(ownerId: string): Promise<boolean>;
  /** Puts a running deployment whose job is gone back into BullMQ, for its next attempt after the delay. */
  requeue(deployment: Deployment, delayMs: number): Promise<void>;
  /** The same for an operation. */
  requeueOperation(operation: Operation, delayMs: number): Promise<void>;
  /** What BullMQ knows of the job of a deployment or an operation: "gone" when it has none. */
  jobState(id: string): Promise<"live" | "completed" | "failed" | "gone">;
  /** Why a job failed for good; undefined when it did not, or failed because its workers died. */
  failureOf(id: string): Promise<string | undefined>;
  /** Removes a job that has ended, so that its deployment or operation may get a new one. */
  removeJob(id: string): Promise<void>;
  /**
   * Tells whoever runs the deployment that the store says it is aborted, and takes a waiting job away.
   * @returns whether a worker has the job, and so ends the deployment's log; where none has, that is left to the caller.
   */
  abort(deployment: Deployment): Promise<boolean>;
  /** Asks the workers to take away everything of a deleted app. Repeating is fine. */
  requestRemoval(appId: string): Promise<void>;
}

/** Jobs that have ended are kept this long for the dashboard. */
const kept = {
  removeOnComplete: { age: 7 * 86_400, count: 2_000 },
  removeOnFail: { age: 30 * 86_400, count: 5_000 },
};
/** Long enough that a part of the platform that restarts is there again before the last attempt. */
const retried = { backoff: { type: "exponential", delay: 5_000, jitter: 0.2 } } as const;
const removalPauseMs = 3_000;
/** BullMQ's highest priority among those that have one. */
const first = 1;
/** How BullMQ's reason begins for a job whose workers died too often. */
const stalled = "job stalled";
const endedStates = new Set(["completed", "failed"]);

export function openLanes(options: LanesOptions): Lanes {
  const { redisUrl, keys, deployments, operations, ownerSlots = 10, onError } = options;
  const control = new Redis(redisUrl, { maxRetriesPerRequest: 3, lazyConnect: true });
  control.on("error", onError);
  const jobs = openLaneQueues({ redis: control, redisUrl, keys, onError });
  const upkeep = new Queue<UpkeepJob>(queueNames.upkeep, {
    connection: { url: redisUrl, maxRetriesPerRequest: 3 },
    prefix: keys.queuePrefix,
  });
  upkeep.on("error", onError);
  const jobsPrefix = jobs.deployments.toKey("");
  const slots = ownerSlotsOf({ redis: control, keys, jobsPrefix, deployments, limit: ownerSlots });

  /** @returns whether the job is there now: not while the app has another. */
  const enqueue = (jobId: string, job: LaneJob, priority: number, delay = 0): Promise<boolean> =>
    jobs.add(job, { jobId, delay, attempts: maxAttempts, priority, ...retried, ...kept });

  const enqueueDeployment = (
    { id, appId, ownerId, attempt }: Deployment,
    priority: number,
    delayMs?: number,
  ) =>
    enqueue(
      id,
      { type: "deploy", deploymentId: id, appId, ownerId, attemptBase: attempt },
      priority,
      delayMs,
    );

  const enqueueOperation = ({ id, appId, attempt }: Operation, delayMs?: number) =>
    enqueue(id, { type: "operate", operationId: id, appId, attemptBase: attempt }, first, delayMs);

  /** Whoever has less at work goes first; of equals, whoever came first. */
  async function enqueueInSlot(head: Deployment): Promise<"slot" | "no-slot"> {
    const others = await slots.take(head);
    if (others === null) return "no-slot";
    if (await enqueueDeployment(head, first + others)) await slots.note(head);
    else {
      await slots.free(head);
      await advanceWaiting(head.ownerId);
    }
    return "slot";
  }

  /** @returns whether there was a slot for the app's next deployment; "none-needed" where it has none that may go now. */
  async function advance(appId: string): Promise<"slot" | "no-slot" | "none-needed"> {
    const running = await Promise.all([deployments.running(appId), operations.running(appId)]);
    if (running.some((held) => held !== null)) return "none-needed";
    const [operation] = await operations.pending(appId, 1);
    if (operation !== undefined) {
      await enqueueOperation(operation);
      return "none-needed";
    }
    const [head] = await deployments.lane(appId, 1);
    return head === undefined ? "none-needed" : enqueueInSlot(head);
  }

  async function advanceWaiting(ownerId: string): Promise<void> {
    for (const appId of await slots.waitingApps(ownerId)) {
      const outcome = await advance(appId);
      if (outcome === "no-slot") return;
      if (outcome === "slot") continue;
      await slots.waitsNoMore(ownerId, appId);
      // It may have come to need one meanwhile.
      await advance(appId);
    }
  }

  return {
    queues: [jobs.deployments, jobs.operations, upkeep],

    hasSlot: (ownerId) => withQueueErrors(() => slots.hasFree(ownerId)),

    advance: (appId) =>
      withQueueErrors(async () => {
        await advance(appId);
      }),

    advanceAfter: ({ appId, ownerId }) =>
      withQueueErrors(async () => {
        await advanceWaiting(ownerId);
        await advance(appId);
      }),

    requeue: (deployment, delayMs) =>
      withQueueErrors(async () => {
        await enqueueDeployment(deployment, first, delayMs);
        await slots.note(deployment);
      }),

    requeueOperation: (operation, delayMs) =>
      withQueueErrors(async () => {
        await enqueueOperation(operation, delayMs);
      }),

    jobState: (id) =>
      withQueueErrors(async () => {
        const states = (await jobs.states(id)).filter((state) => state !== "unknown");
        if (states.some((state) => !endedStates.has(state))) return "live";
        if (states.length === 0) return "gone";
        return states.includes("failed") ? "failed" : "completed";
      }),

    failureOf: (id) =>
      withQueueErrors(async () => {
        const reasons = (await jobs.find(id)).map(({ failedReason }) => failedReason);
        return reasons.find((reason) => reason !== undefined && reason !== "" && !reason.startsWith(stalled));
      }),

    removeJob: (id) =>
      withQueueErrors(async () => {
        for (const job of await jobs.find(id)) if (endedStates.has(await job.getState())) await job.remove();
      }),

    abort: (deployment) =>
      withQueueErrors(async () => {
        // Looked at before the worker is told, which may be done with the job at once.
        const job = await jobs.deployments.getJob(deployment.id);
        const isHeld = job !== undefined && (await job.getState()) === "active";
        const message: ControlMessage = { type: "abort", deploymentId: deployment.id };
        await control.publish(keys.controlChannel, JSON.stringify(message));
        // One that a worker holds cannot be removed, and need not be: the worker ends it.
        if (!isHeld) await job?.remove();
        return isHeld;
      }),

    requestRemoval: (appId) =>
      withQueueErrors(async () => {
        const jobOptions = {
          jobId: `remove-${appId}`,
          attempts: 20,
          // What stands in its way is mostly an operation or a deployment that is about to end; an engine that is away for hours
          // is asked again by whoever takes up lost removals.
          backoff: { type: "fixed", delay: removalPauseMs, jitter: 0.2 },
          removeOnComplete: true,
          removeOnFail: true,
        };
        await upkeep.add("remove-app", { type: "remove-app", appId }, jobOptions);
      }),

    async [Symbol.asyncDispose]() {
      await Promise.all([jobs[Symbol.asyncDispose](), upkeep.close()]);
      control.disconnect();
    },
  };
}
