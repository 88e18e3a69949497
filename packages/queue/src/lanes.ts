// Lanes: an app's waiting operations and queued deployments. The next item gets a job in BullMQ when the app is idle.
//
// The store is the source of truth. An app has at most one job that is neither completed nor failed (lane-queues.ts), so adding a second
// one has no effect: when in doubt, call `advance`.

import type { Job, Queue } from "bullmq";
import { controlChannel, openRedis, publish } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import { SlipwayError } from "@slipway/core";
import type { AppStore, Deployment, LaneEntry } from "@slipway/core";
import type { RedisKeys, MaintenanceJob } from "@slipway/protocol";
import { advanceWith } from "./advance.ts";
import type { JobFacts, LaneJobs } from "./advance.ts";
import { jobOf, laneKinds } from "./lane-kinds.ts";
import type { LaneItem, LaneStores } from "./lane-kinds.ts";
import { endedStates, openLaneQueues } from "./lane-queues.ts";
import type { LaneJobState, LaneQueues } from "./lane-queues.ts";
import { openOwnerSlots } from "./owner-slots.ts";
import { OwnedQueue } from "./owned-queue.ts";
import { queueNames } from "./queue-names.ts";
import { findStranded, withFreeSlot } from "./stranded.ts";
import type { Stranded } from "./stranded.ts";
import { connectionFailed, withQueueErrors } from "./redis-errors.ts";

/** Maximum number of tries of an item that fails because of the platform. */
export const maxAttempts = 3;

/** How many times workers may crash or lose the lease before a job fails. */
export const maxStalls = maxAttempts - 1;

/** Maximum number of attempts at an item, including requeues. */
export const attemptLimit = 30;

export interface LanesOptions extends LaneStores {
  /** Provides the names of jobs. */
  readonly apps: Pick<AppStore, "get">;
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  /** Maximum number of an owner's deployments that run or wait for a worker; further ones stay in their lanes. */
  readonly ownerSlots?: number;
  /** Build slots of the fleet that one owner cannot take. An owner may always take one slot. Default: none. */
  readonly reservedSlots?: number;
  /** Milliseconds after which a call fails. By default a call waits as long as Redis is frozen. */
  readonly limitMs?: number;
  /** Called with connection errors. The connection recovers by itself, or calls fail. */
  readonly onError: (error: unknown, message: string) => void;
}

/** All calls reject with "queue-unavailable" while Redis does not respond. */
export interface Lanes extends AsyncDisposable {
  /** All queues, for the dashboard. */
  readonly queues: readonly Queue[];
  /** Adds the job of the app's next item if the app is idle. A build also needs a free slot of its owner. Idempotent. */
  advance(appId: string): Promise<void>;
  /**
   * Call it when a deployment has ended. Its slot goes to the owner's app that has waited longest for one; then the deployment's own lane
   * advances. Idempotent.
   */
  advanceAfter(ended: Pick<Deployment, "appId" | "ownerId">): Promise<void>;
  /** Call it when a deployment no longer builds, so that the owner's next build may begin. Idempotent. */
  buildEnded(deployment: Pick<Deployment, "id" | "ownerId">): Promise<void>;
  /** Whether an operator paused the queue of deployments. */
  isPaused(): Promise<boolean>;
  /** Whether the owner has a free slot. */
  hasSlot(ownerId: string): Promise<boolean>;
  /** Number of jobs, or of the owner's waiting apps, that precede a waiting deployment. */
  countBefore(deployment: Pick<Deployment, "id" | "appId" | "ownerId">): Promise<number>;
  /** Adds a job for a running item without one, for its next attempt after the delay. */
  requeue(item: LaneItem, delayMs: number): Promise<void>;
  jobState(id: string): Promise<LaneJobState>;
  /** The states of many items' jobs, read in bulk. */
  jobStates(ids: readonly string[]): Promise<LaneJobState[]>;
  /** Finds, by their heads, the lanes that do not advance by themselves. Costs one Redis call for hundreds of heads. */
  findStranded(heads: readonly LaneEntry[]): Promise<Stranded>;
  /** Which of these owners may have a free slot, read in bulk. */
  withFreeSlot(ownerIds: readonly string[]): Promise<string[]>;
  /** Gives the owner's free slots to its waiting apps, in the order in which they began to wait. Idempotent. */
  advanceWaiting(ownerId: string): Promise<void>;
  /** Reason of a job's final failure; undefined when it has not failed, or failed because its workers crashed. */
  failureReasonOf(id: string): Promise<string | undefined>;
  /** Removes an ended job, so that its item may get a new one. */
  removeJob(id: string): Promise<void>;
  /**
   * Cancels the job of a deployment that is stored as aborted: notifies its worker, or removes the waiting job.
   * @returns whether a worker holds the job. That worker closes the deployment's log; otherwise the caller does.
   */
  abort(deployment: Pick<Deployment, "id">): Promise<boolean>;
  /** Schedules the removal of all resources of a deleted app. Idempotent. */
  requestRemoval(appId: string): Promise<void>;
}

/** How long ended jobs remain on the dashboard. */
const retention = {
  removeOnComplete: { age: 7 * 86_400, count: 2_000 },
  removeOnFail: { age: 30 * 86_400, count: 5_000 },
};
/** The last attempt is late enough for a restarting service. */
const retries = {
  attempts: maxAttempts,
  backoff: { type: "exponential", delay: 5_000, jitter: 0.2 },
} as const;
const removalPauseMs = 3_000;

/** Opens the lanes of all apps. Connects to Redis on first use. */
export function openLanes(options: LanesOptions): Lanes {
  const { redisUrl, keys, apps, deployments, ownerSlots = 10, reservedSlots = 0, limitMs, onError } = options;
  const redis = openRedis(redisUrl, { maxRetriesPerRequest: 3, lazyConnect: true });
  redis.on("error", (error: unknown) => onError(error, connectionFailed));
  const bus = { redis, keys };
  const jobs = openLaneQueues({ bus, redisUrl, onError });
  const removals = openRemovals(options);
  const limits = { limit: ownerSlots, reserved: reservedSlots };
  const waitingJobsKey = jobs.deployments.toKey("prioritized");
  const jobStates = (ids: readonly string[]) => jobs.states(ids);
  const slots = openOwnerSlots({ bus, jobStates, deployments, ...limits, waitingJobsKey });
  const lane = advanceWith({ kinds: laneKinds(options), slots, jobs: laneJobs(jobs, apps) });
  const advanceWaiting = async (ownerId: string) => {
    if ((await slots.freeEnded(ownerId)) !== null) await lane.advanceWaiting(ownerId);
  };
  const guarded = <T>(work: () => Promise<T>) => withQueueErrors(work, limitMs);
  return {
    queues: [jobs.deployments, jobs.operations, removals],
    isPaused: () => guarded(() => jobs.deployments.isPaused()),
    hasSlot: (ownerId) => guarded(() => slots.hasFree(ownerId)),
    advance: (appId) => guarded(() => lane.advance(appId)),
    buildEnded: (deployment) =>
      guarded(async () => {
        if ((await slots.buildEnded(deployment)) !== null) await lane.advanceWaiting(deployment.ownerId);
      }),
    advanceAfter: ({ appId, ownerId }) =>
      guarded(async () => {
        await advanceWaiting(ownerId);
        await lane.advance(appId);
      }),
    countBefore: (deployment) => guarded(() => countBefore(bus, waitingJobsKey, deployment)),
    findStranded: (heads) => guarded(() => findStranded(bus, heads)),
    withFreeSlot: (owners) => guarded(() => withFreeSlot(bus, limits, owners)),
    advanceWaiting: (ownerId) => guarded(() => advanceWaiting(ownerId)),
    requeue: (item, delayMs) => guarded(() => lane.requeue(item, delayMs)),
    jobState: (id) => guarded(async () => (await jobStates([id]))[0] ?? "gone"),
    jobStates: (ids) => guarded(() => jobStates(ids)),
    failureReasonOf: (id) => guarded(() => failureReasonOf(jobs, id)),
    removeJob: (id) => guarded(() => removeEndedJobs(jobs, id)),
    abort: ({ id }) => guarded(() => abortJob(jobs, bus, id)),
    requestRemoval: (appId) => guarded(() => addRemoval(removals, appId)),
    async [Symbol.asyncDispose]() {
      await Promise.all([jobs[Symbol.asyncDispose](), removals.close()]);
      redis.disconnect();
    },
  };
}

function laneJobs(queues: LaneQueues, apps: LanesOptions["apps"]): LaneJobs {
  const optionsOf = ({ id: jobId }: LaneItem, { priority, delayMs: delay = 0 }: JobFacts) => ({
    jobId,
    delay,
    priority,
    ...retries,
    ...retention,
  });
  return {
    /** On the dashboard. */
    nameOf: async ({ appId, subject }) => `${(await apps.get(appId))?.name ?? appId} ${subject}`,
    add: (item, job) => queues.add(job.name, jobOf(item), optionsOf(item, job)),
    async addClaimed(item, job) {
      try {
        return await queues.addClaimed(job.name, jobOf(item), optionsOf(item, job));
      } catch (error) {
        await queues.release(jobOf(item));
        throw error;
      }
    },
  };
}

async function countBefore(
  { redis, keys }: Bus,
  waitingJobsKey: string,
  { id, appId, ownerId }: Pick<Deployment, "id" | "appId" | "ownerId">,
): Promise<number> {
  const jobsBefore = await redis.zrank(waitingJobsKey, id);
  return jobsBefore ?? (await redis.zrank(keys.ownerWaiting(ownerId), appId)) ?? 0;
}

async function failureReasonOf(jobs: LaneQueues, id: string): Promise<string | undefined> {
  const failed = (await jobs.find(id)).filter((job) => !failedByStalls(job));
  return failed
    .map(({ failedReason }) => failedReason)
    .find((reason) => reason !== undefined && reason !== "");
}

/** Whether BullMQ failed the job because its workers crashed too often. In that case no attempt has reported a reason. */
export function failedByStalls({ stalledCounter }: Pick<Job, "stalledCounter">): boolean {
  return stalledCounter > maxStalls;
}

/** The failure of an item whose job failed without a failed attempt. */
export function workersDied(): SlipwayError {
  return new SlipwayError("internal", "each worker that ran it ended or lost its connection");
}

async function removeEndedJobs(jobs: LaneQueues, id: string): Promise<void> {
  for (const job of await jobs.find(id)) if (endedStates.has(await job.getState())) await jobs.remove(job);
}

async function abortJob(jobs: LaneQueues, bus: Bus, id: string): Promise<boolean> {
  // Read before the worker is notified, because the worker may then end the job at once.
  const found = await jobs.find(id);
  const states = await Promise.all(found.map((job) => job.getState()));
  await publish(bus, controlChannel, { type: "abort", deploymentId: id });
  // A job that a worker holds cannot be removed, and need not be: the worker ends it. A worker may take a job at any time.
  const idle = found.filter((_job, index) => states[index] !== "active");
  const removed = await Promise.all(idle.map((job) => jobs.remove(job)));
  return idle.length < found.length || removed.includes(false);
}

function openRemovals({ redisUrl, keys, onError }: LanesOptions): Queue<MaintenanceJob> {
  const queue = new OwnedQueue<MaintenanceJob>(queueNames.slowMaintenance, { redisUrl, keys });
  return queue.on("error", (error) => onError(error, connectionFailed));
}

async function addRemoval(removals: Queue<MaintenanceJob>, appId: string): Promise<void> {
  await removals.add(
    "remove-app",
    { type: "remove-app", appId },
    {
      jobId: `remove-${appId}`,
      attempts: 20,
      // A removal is usually delayed by an operation or a deployment that is about to end. Maintenance requests it again later when an
      // engine is unavailable for hours.
      backoff: { type: "fixed", delay: removalPauseMs, jitter: 0.2 },
      removeOnComplete: true,
      removeOnFail: true,
    },
  );
}
