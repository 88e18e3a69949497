// The metrics of the queue and of the workers, read at each scrape.

import { observe } from "@slipway/telemetry";
import { queueState } from "./queue-state.ts";
import type { QueueState, QueueStateContext } from "./queue-state.ts";
import { runningPhases } from "./running-phases.ts";

const workerStates = ["ready", "draining", "lost"] as const;

/** Reports the metrics until the result is disposed. */
export function observeQueue(context: QueueStateContext): Disposable {
  return observe(
    [
      "slipway_queue_waiting_deployments",
      "slipway_queue_oldest_waiting_seconds",
      "slipway_queue_work_seconds",
      "slipway_queue_paused",
      "slipway_running_deployments",
      "slipway_running_phase_oldest_seconds",
      "slipway_build_slots",
      "slipway_build_slots_used",
      "slipway_workers",
    ],
    async () => {
      const state = await queueState(context, 1);
      const sample = <Name extends string>(name: Name, value: number) => ({ name, value, attributes: {} });
      return [
        sample("slipway_queue_waiting_deployments", state.waiting),
        sample("slipway_queue_oldest_waiting_seconds", oldestSeconds(state, context.now())),
        ...(state.secondsOfWork === null ? [] : [sample("slipway_queue_work_seconds", state.secondsOfWork)]),
        sample("slipway_queue_paused", state.paused ? 1 : 0),
        sample("slipway_running_deployments", state.running.length),
        ...[...runningPhases(state.running, context.now())].map(([phase, value]) => ({
          name: "slipway_running_phase_oldest_seconds" as const,
          value,
          attributes: { phase },
        })),
        sample("slipway_build_slots", state.slots.total),
        sample("slipway_build_slots_used", state.slots.used),
        ...workerStates.map((of) => ({
          name: "slipway_workers" as const,
          value: state.workers.filter((worker) => worker.state === of).length,
          attributes: { state: of },
        })),
      ];
    },
  );
}

function oldestSeconds({ queued }: QueueState, now: Date): number {
  const [oldest] = queued;
  return oldest === undefined ? 0 : Math.max(0, (now.getTime() - oldest.createdAt.getTime()) / 1e3);
}
