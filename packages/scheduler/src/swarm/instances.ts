// What instances a service has: of each place the task that counts, and what it is up to.

import { type Instance, type InstanceState, label } from "@slipway/core";
import { type AppService, isUp, type Task } from "./swarm-api.ts";

export type TaskInstance = Omit<Instance, "address"> & { readonly task: Task };

/** By index. @param newestFirst all tasks that the swarm remembers, those that ended included. */
export function instancesOf(service: AppService, newestFirst: readonly Task[]): TaskInstance[] {
  const slots = [...new Set(newestFirst.map(({ Slot }) => Slot))].toSorted((a, b) => a - b);
  return slots.map((slot) =>
    instanceOf(
      service,
      newestFirst.filter(({ Slot }) => Slot === slot),
    ),
  );
}

function instanceOf(service: AppService, ofSlot: readonly Task[]): TaskInstance {
  const task = ofSlot.find(isUp) ?? ofSlot[0];
  if (task === undefined) throw new Error("a place without a task");
  const { Limits } = service.spec.TaskTemplate?.Resources ?? {};
  const labels = service.spec.Labels ?? {};
  return {
    task,
    id: task.ID,
    appId: service.appId,
    releaseId: service.releaseId,
    releaseNumber: Number(labels[label.releaseNumber] ?? 0),
    rolloutId: service.rolloutId,
    processType: labels[label.processType] ?? "",
    index: task.Slot,
    state: stateOf(task, service.promoted, ofSlot.length > 1),
    createdAt: new Date(task.CreatedAt),
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
