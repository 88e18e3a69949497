// The state of the queue and of the workers, for GET /v1/queue and for metrics.

import type { Deployment, Store } from "@slipway/core";
import type { FleetWorker } from "@slipway/queue";
import type { MeanSeconds } from "../deployments/wait-estimate.ts";
import type { WaitReasonContext } from "../deployments/wait-reason.ts";

export interface QueueStateContext extends Pick<WaitReasonContext, "listWorkers"> {
  readonly lanes: Pick<WaitReasonContext["lanes"], "isPaused">;
  readonly store: { readonly deployments: Pick<Store["deployments"], "queued" | "allRunning"> };
  /** Slots of the fleet that one owner's deployments leave free for other owners. */
  readonly reservedSlots: number;
  readonly meanSeconds: MeanSeconds;
  readonly now: () => Date;
}

export interface QueueState {
  /** The number of queued deployments. */
  readonly waiting: number;
  /** The oldest queued deployments. */
  readonly queued: readonly Deployment[];
  readonly running: readonly Deployment[];
  readonly workers: readonly FleetWorker[];
  readonly paused: boolean;
  readonly slots: { readonly used: number; readonly total: number; readonly reserved: number };
  /** Mean duration of a deployment; null until one has ended. */
  readonly meanSeconds: number | null;
  /** Null until a deployment has ended. */
  readonly secondsOfWork: number | null;
}

/**
 * @param limit the maximum number of queued deployments to read.
 * @throws {SlipwayError} "store-unavailable" or "queue-unavailable".
 */
export async function queueState(context: QueueStateContext, limit: number): Promise<QueueState> {
  const { store, lanes, listWorkers, reservedSlots } = context;
  const [queued, running, workers, paused, meanSeconds] = await Promise.all([
    store.deployments.queued(limit),
    store.deployments.allRunning(),
    listWorkers(),
    lanes.isPaused(),
    context.meanSeconds(),
  ]);
  return {
    waiting: queued.totalCount,
    queued: queued.deployments,
    running,
    workers,
    paused,
    slots: slotsOf(workers, reservedSlots),
    meanSeconds,
    secondsOfWork: meanSeconds === null ? null : Math.round(meanSeconds * queued.totalCount),
  };
}

function slotsOf(workers: readonly FleetWorker[], reservedSlots: number): QueueState["slots"] {
  const ready = workers.filter(({ state }) => state === "ready");
  const alive = workers.filter(({ state }) => state !== "lost");
  const total = ready.reduce((sum, { concurrency }) => sum + concurrency, 0);
  const used = alive.reduce((sum, worker) => sum + slotsUsed(worker), 0);
  return { used, total, reserved: Math.min(reservedSlots, Math.max(0, total - 1)) };
}

/** For a worker that does not report how many deployments build, all its deployments count. */
function slotsUsed({ building, running }: FleetWorker): number {
  return building ?? running.filter((run) => "deploymentId" in run).length;
}
