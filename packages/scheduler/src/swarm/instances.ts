// Derives the instances of a service from its tasks: the relevant task of each slot, and its state.

import { type Address, type Instance, type InstanceState, label } from "@slipway/core";
import { type AppService, isUp, type Task } from "./swarm-api.ts";

/**
 * By index.
 * @param newestFirst all tasks that the swarm remembers, those that ended included.
 * @param addressOf where a task that is up answers.
 */
export function instancesOf(
  service: AppService,
  newestFirst: readonly Task[],
  addressOf: (task: Task) => Address | null,
): Instance[] {
  const slots = [...new Set(newestFirst.map(({ Slot }) => Slot))].toSorted((a, b) => a - b);
  return slots.map((slot) =>
    instanceOf(
      service,
      newestFirst.filter(({ Slot }) => Slot === slot),
      addressOf,
    ),
  );
}

function instanceOf(
  service: AppService,
  ofSlot: readonly Task[],
  addressOf: (task: Task) => Address | null,
): Instance {
  const task = ofSlot.find(isUp) ?? ofSlot[0];
  if (task === undefined) throw new Error("a slot without a task");
  const { Limits } = service.spec.TaskTemplate?.Resources ?? {};
  const labels = service.spec.Labels ?? {};
  return {
    id: task.ID,
    appId: service.appId,
    releaseId: service.releaseId,
    releaseNumber: Number(labels[label.releaseNumber] ?? 0),
    rolloutId: service.rolloutId,
    processType: labels[label.processType] ?? "",
    index: task.Slot,
    state: stateOf(task, service.promoted, ofSlot.length > 1),
    createdAt: new Date(task.CreatedAt),
    address: isUp(task) ? addressOf(task) : null,
    memoryBytes: Limits?.MemoryBytes ?? 0,
    cpus: (Limits?.NanoCPUs ?? 0) / 1e9,
  };
}

/** @param hadOthers a task before it in the same place ended. */
function stateOf(task: Task, promoted: boolean, hadOthers: boolean): InstanceState {
  if (isUp(task)) return promoted ? "running" : "starting";
  if (task.DesiredState !== "running" && task.DesiredState !== "ready") return "stopped";
  return hadOthers ? "restarting" : "starting";
}
