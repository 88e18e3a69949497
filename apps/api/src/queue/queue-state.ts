// The state of the queue and of the workers, for GET /v1/queue and for metrics.

import { durationSeconds, finalStatuses } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import type { FleetWorker } from "@slipway/queue";
import type { WaitReasonContext } from "../deployments/wait-reason.ts";

/** Deployments whose mean duration estimates that of the waiting ones. */
const recentRead = 100;
const recentMs = 24 * 60 * 60_000;

export interface QueueStateContext extends Pick<WaitReasonContext, "listWorkers"> {
  readonly lanes: Pick<WaitReasonContext["lanes"], "isPaused">;
  readonly store: { readonly deployments: Pick<Store["deployments"], "queued" | "allRunning" | "search"> };
  /** Slots of the fleet that one owner leaves to the others. */
  readonly reservedSlots: number;
  readonly now: () => Date;
}

export interface QueueState {
  /** The number of queued deployments. */
  readonly waiting: number;
  /** The oldest of them. */
  readonly queued: readonly Deployment[];
  readonly running: readonly Deployment[];
  readonly workers: readonly FleetWorker[];
  readonly paused: boolean;
  readonly slots: { readonly used: number; readonly total: number; readonly reserved: number };
  /** The newest of the last day's deployments that have ended, at most a hundred. */
  readonly recent: readonly Deployment[];
  /** Null until a deployment has ended. */
  readonly secondsOfWork: number | null;
}

/**
 * @param limit the most queued deployments to read.
 * @throws {SlipwayError} "store-unavailable" or "queue-unavailable".
 */
export async function queueState(context: QueueStateContext, limit: number): Promise<QueueState> {
  const { store, lanes, listWorkers, reservedSlots } = context;
  const [queued, running, workers, paused, recent] = await Promise.all([
    store.deployments.queued(limit),
    store.deployments.allRunning(),
    listWorkers(),
    lanes.isPaused(),
    recentlyEnded(context),
  ]);
  const seconds = meanSeconds(recent);
  return {
    waiting: queued.totalCount,
    queued: queued.deployments,
    running,
    workers,
    paused,
    slots: slotsOf(workers, reservedSlots),
    recent,
    secondsOfWork: seconds === null ? null : Math.round(seconds * queued.totalCount),
  };
}

function slotsOf(workers: readonly FleetWorker[], reservedSlots: number): QueueState["slots"] {
  const ready = workers.filter(({ state }) => state === "ready");
  const alive = workers.filter(({ state }) => state !== "lost");
  const total = ready.reduce((sum, { concurrency }) => sum + concurrency, 0);
  const used = alive.flatMap(({ running }) => running).filter((run) => "deploymentId" in run).length;
  return { used, total, reserved: Math.min(reservedSlots, Math.max(0, total - 1)) };
}

async function recentlyEnded({ store, now }: QueueStateContext): Promise<readonly Deployment[]> {
  const since = new Date(now().getTime() - recentMs);
  const filter = { statuses: finalStatuses, appIds: null, ownerId: null, since };
  return (await store.deployments.search(filter, { page: 1, perPage: recentRead })).deployments;
}

/** Of those that ran; null without any. */
function meanSeconds(ended: readonly Deployment[]): number | null {
  const durations = ended.filter(({ startedAt }) => startedAt !== null).map(durationSeconds);
  if (durations.length === 0) return null;
  return durations.reduce((sum, seconds) => sum + seconds, 0) / durations.length;
}
