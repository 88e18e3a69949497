// Derives the instances of a service from its tasks: the relevant task of each slot, and its state.

import type { Address, Instance, InstanceState } from "@slipway/core";
import { rolloutOfLabels } from "../instance-config.ts";
import { reasonLabel } from "./restart-overfull.ts";
import { type AppService, isUp, type Task } from "./swarm-api.ts";

/**
 * The instances of a service, by index.
 * @param newestFirst all tasks that the swarm still lists, including ended ones.
 * @param addressOf returns the address of a running task.
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
  return {
    id: task.ID,
    ...rolloutOfLabels(service.spec.Labels ?? {}),
    index: task.Slot,
    state: stateOf(task, service.promoted, ofSlot.length > 1),
    createdAt: new Date(task.CreatedAt),
    address: isUp(task) ? addressOf(task) : null,
    memoryBytes: Limits?.MemoryBytes ?? 0,
    cpus: (Limits?.NanoCPUs ?? 0) / 1e9,
    restartReason: service.spec.Labels?.[reasonLabel(task.Slot)] ?? null,
  };
}

/** @param wasReplaced whether an earlier task of the same slot has ended. */
function stateOf(task: Task, promoted: boolean, wasReplaced: boolean): InstanceState {
  if (isUp(task)) return promoted ? "running" : "starting";
  if (task.DesiredState !== "running" && task.DesiredState !== "ready") return "stopped";
  return wasReplaced ? "restarting" : "starting";
}
