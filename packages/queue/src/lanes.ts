// Lanes: an app's waiting operations and queued deployments. The next item gets a job in BullMQ when the app is idle.
//
// The store is the source of truth. An app has at most one job that is not completed or failed (lane-queues.ts), so adding a second
// one has no effect: call `advance` whenever in doubt.

import { Queue } from "bullmq";
import type { Job } from "bullmq";
import { controlChannel, openRedis, publish, queueConnection } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import { SlipwayError } from "@slipway/core";
import type { AppStore, Deployment, LaneEntry } from "@slipway/core";
import type { RedisKeys, MaintenanceJob } from "@slipway/protocol";
import { advanceWith } from "./advance.ts";
import { jobOf, laneKinds } from "./lane-kinds.ts";
import type { LaneItem, LaneStores } from "./lane-kinds.ts";
import { endedStates, openLaneQueues } from "./lane-queues.ts";
import type { LaneJobState, LaneQueues } from "./lane-queues.ts";
import { openOwnerSlots } from "./owner-slots.ts";
import { queueNames } from "./queue-names.ts";
import { findStranded, withFreeSlot } from "./stranded.ts";
import type { Stranded } from "./stranded.ts";
import { connectionFailed, withQueueErrors } from "./redis-errors.ts";

/** Tries of an item that fails because of the platform. */
export const maxAttempts = 3;

/** How many times workers may crash or lose the lease before a job fails. */
export const maxStalls = maxAttempts - 1;

/** Maximum number of attempts at an item, requeues included. */
export const attemptLimit = 30;

export interface LanesOptions extends LaneStores {
  /** For the names of jobs. */
  readonly apps: Pick<AppStore, "get">;
  readonly redisUrl: string;
  readonly keys: RedisKeys;
  /** How many deployments of one owner may run or wait for a worker at the same time; the others stay in their lanes. */
  readonly ownerSlots?: number;
  /** Build slots of the fleet that one owner cannot take. It may always take one. Default: none. */
  readonly reservedSlots?: number;
  /** Called with errors of a connection. The connection recovers by itself, or calls fail. */
  readonly onError: (error: unknown, message: string) => void;
}

/** All calls reject with "queue-unavailable" while Redis does not answer. */
export interface Lanes extends AsyncDisposable {
  /** All queues, for the dashboard. */
  readonly queues: readonly Queue[];
  /** Adds the job of the app's next item if the app is idle. A build also needs a free slot of its owner. Idempotent. */
  advance(appId: string): Promise<void>;
  /**
   * Call it when a deployment has ended. Its slot goes to the owner's app that has waited longest for one; then the app's own lane
   * advances. Idempotent.
   */
  advanceAfter(ended: Pick<Deployment, "appId" | "ownerId">): Promise<void>;
  /** Call it when a deployment no longer builds: its owner's next build may begin. Idempotent. */
  buildEnded(deployment: Pick<Deployment, "id" | "ownerId">): Promise<void>;
  /** Whether an operator paused the queue of deployments. */
  isPaused(): Promise<boolean>;
  /** Whether the owner has a free slot. */
  hasSlot(ownerId: string): Promise<boolean>;
  /** How many jobs, or apps of the owner without a slot, go before a waiting deployment. */
  countBefore(deployment: Pick<Deployment, "id" | "appId" | "ownerId">): Promise<number>;
  /** Adds a job for a running item that has none, for its next attempt after the delay. */
  requeue(item: LaneItem, delayMs: number): Promise<void>;
  jobState(id: string): Promise<LaneJobState>;
  /** The same for many items, read in bulk. */
  jobStates(ids: readonly string[]): Promise<LaneJobState[]>;
  /** Finds the lanes that do not advance by themselves, by their heads. Costs one call of Redis for hundreds of heads. */
  findStranded(heads: readonly LaneEntry[]): Promise<Stranded>;
  /** Which of these owners may have a free slot, read in bulk. */
  withFreeSlot(ownerIds: readonly string[]): Promise<string[]>;
  /** Gives the owner's free slots to its apps that wait for one, the longest wait first. Idempotent. */
  advanceWaiting(ownerId: string): Promise<void>;
  /** Why a job failed finally; undefined when it has not, or failed because its workers crashed. */
  failureReasonOf(id: string): Promise<string | undefined>;
  /** Removes an ended job, so that its item may get a new one. */
  removeJob(id: string): Promise<void>;
  /**
   * Cancels the job of a deployment that the store says is aborted: notifies its worker, or removes the waiting job.
   * @returns whether a worker holds the job. That worker closes the deployment's log; otherwise the caller does.
   */
  abort(deployment: Pick<Deployment, "id">): Promise<boolean>;
  /** Schedules the removal of all resources of a deleted app. Idempotent. */
  requestRemoval(appId: string): Promise<void>;
}

/** How long ended jobs are kept for the dashboard. */
const retention = {
  removeOnComplete: { age: 7 * 86_400, count: 2_000 },
  removeOnFail: { age: 30 * 86_400, count: 5_000 },
};
/** The last attempt comes late enough for a service that restarts. */
const retries = {
  attempts: maxAttempts,
  backoff: { type: "exponential", delay: 5_000, jitter: 0.2 },
} as const;
const removalPauseMs = 3_000;

/** Opens the lanes of all apps. Connects to Redis when it is used first. */
export function openLanes(options: LanesOptions): Lanes {
  const { redisUrl, keys, apps, deployments, ownerSlots = 10, reservedSlots = 0, onError } = options;
  const redis = openRedis(redisUrl, { maxRetriesPerRequest: 3, lazyConnect: true });
  redis.on("error", (error: unknown) => onError(error, connectionFailed));
  const bus = { redis, keys };
  const jobs = openLaneQueues({ bus, redisUrl, onError });
  const [maintenance, slowMaintenance] = openMaintenanceQueues(options);
  const limits = { limit: ownerSlots, reserved: reservedSlots };
  const waitingJobsKey = jobs.deployments.toKey("prioritized");
  const jobStates = (ids: readonly string[]) => jobs.states(ids);
  const slots = openOwnerSlots({ bus, jobStates, deployments, ...limits, waitingJobsKey });
  const lane = advanceWith({
    kinds: laneKinds(options),
    slots,
    enqueue: async (item, priority, delay = 0) => {
      const job = { jobId: item.id, delay, priority, ...retries, ...retention };
      return jobs.add(await nameOf(apps, item), jobOf(item), job);
    },
  });
  const advanceWaiting = async (ownerId: string) => {
    await slots.freeEnded(ownerId);
    await lane.advanceWaiting(ownerId);
  };
  return {
    queues: [jobs.deployments, jobs.operations, maintenance, slowMaintenance],
    isPaused: () => withQueueErrors(() => jobs.deployments.isPaused()),
    hasSlot: (ownerId) => withQueueErrors(() => slots.hasFree(ownerId)),
    advance: (appId) => withQueueErrors(() => lane.advance(appId)),
    buildEnded: (deployment) =>
      withQueueErrors(async () => {
        await slots.buildEnded(deployment);
        await lane.advanceWaiting(deployment.ownerId);
      }),
    advanceAfter: ({ appId, ownerId }) =>
      withQueueErrors(async () => {
        await advanceWaiting(ownerId);
        await lane.advance(appId);
      }),
    countBefore: (deployment) => withQueueErrors(() => countBefore(bus, waitingJobsKey, deployment)),
    findStranded: (heads) => withQueueErrors(() => findStranded(bus, heads)),
    withFreeSlot: (owners) => withQueueErrors(() => withFreeSlot(bus, limits, owners)),
    advanceWaiting: (ownerId) => withQueueErrors(() => advanceWaiting(ownerId)),
    requeue: (item, delayMs) => withQueueErrors(() => lane.requeue(item, delayMs)),
    jobState: (id) => withQueueErrors(async () => (await jobStates([id]))[0] ?? "gone"),
    jobStates: (ids) => withQueueErrors(() => jobStates(ids)),
    failureReasonOf: (id) => withQueueErrors(() => failureReasonOf(jobs, id)),
    removeJob: (id) => withQueueErrors(() => removeEndedJobs(jobs, id)),
    abort: ({ id }) => withQueueErrors(() => abortJob(jobs, bus, id)),
    requestRemoval: (appId) => withQueueErrors(() => addRemoval(slowMaintenance, appId)),
    async [Symbol.asyncDispose]() {
      await Promise.all([jobs[Symbol.asyncDispose](), maintenance.close(), slowMaintenance.close()]);
      redis.disconnect();
    },
  };
}

/** The name of an item's job, for the dashboard. */
async function nameOf(apps: LanesOptions["apps"], { appId, subject }: LaneItem): Promise<string> {
  return `${(await apps.get(appId))?.name ?? appId} ${subject}`;
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

/** Whether BullMQ failed the job because its workers crashed too often. No attempt has reported a reason then. */
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
  // Read before the worker is notified, which may end the job at once.
  const found = await jobs.find(id);
  const states = await Promise.all(found.map((job) => job.getState()));
  await publish(bus, controlChannel, { type: "abort", deploymentId: id });
  // A job that a worker holds cannot be removed, and need not be: the worker ends it. A worker may take it at any time.
  const idle = found.filter((_job, index) => states[index] !== "active");
  const removed = await Promise.all(idle.map((job) => jobs.remove(job)));
  return idle.length < found.length || removed.includes(false);
}

function openMaintenanceQueues({ redisUrl, keys, onError }: LanesOptions) {
  const connection = queueConnection(redisUrl, { maxRetriesPerRequest: 3 });
  const open = (name: string) => {
    const queue = new Queue<MaintenanceJob>(name, { connection, prefix: keys.queuePrefix });
    return queue.on("error", (error) => onError(error, connectionFailed));
  };
  return [open(queueNames.maintenance), open(queueNames.slowMaintenance)] as const;
}

async function addRemoval(maintenance: Queue<MaintenanceJob>, appId: string): Promise<void> {
  await maintenance.add(
    "remove-app",
    { type: "remove-app", appId },
    {
      jobId: `remove-${appId}`,
      attempts: 20,
      // Mostly an operation or a deployment that is about to end delays a removal. Maintenance requests it again later when an
      // engine is away for hours.
      backoff: { type: "fixed", delay: removalPauseMs, jitter: 0.2 },
      removeOnComplete: true,
      removeOnFail: true,
    },
  );
}
