// What runs of an app as the API shows it: types with their amounts, and single containers.

import type { App, Release } from "@slipway/core";
import { containerSize } from "@slipway/protocol";
import type { ContainerBody, ContainerTypeBody, InstancesSeen } from "@slipway/protocol";

export const webType = "web";

/** @param release the one in service; null before the first. @param amount how many are wanted. */
export function presentContainerType(app: App, release: Release | null, amount: number): ContainerTypeBody {
  const command = release?.processTypes[webType] ?? "";
  return { app_id: app.id, name: webType, amount, command, size: containerSize };
}

/** @param release what it runs; null when that is gone already. */
export function presentContainer(
  app: App,
  instance: InstancesSeen["instances"][number],
  release: Release | null,
): ContainerBody {
  const { processType, index, cpus } = instance;
  return {
    id: instance.id,
    app_id: app.id,
    type: processType,
    type_index: index,
    label: `${processType}-${index}`,
    state: instance.state,
    command: release?.processTypes[processType] ?? "",
    created_at: instance.createdAt,
    deleted_at: null,
    container_size: {
      id: containerSize,
      name: containerSize,
      human_name: containerSize,
      human_cpu: `${cpus} ${cpus === 1 ? "CPU" : "CPUs"}`,
      memory: instance.memoryBytes,
    },
  };
}
