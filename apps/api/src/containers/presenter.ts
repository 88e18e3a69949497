// Presents an app's process types, with their container counts, and its containers.

import type { App, Release } from "@slipway/core";
import { containerSize } from "@slipway/protocol";
import type { ContainerBody, ContainerTypeBody, InstancesSeen } from "@slipway/protocol";

export const webType = "web";

/** @param release the current release; null before the first. @param amount the desired number of containers. */
export function presentContainerType(app: App, release: Release | null, amount: number): ContainerTypeBody {
  const command = release?.processTypes[webType] ?? "";
  return { app_id: app.id, name: webType, amount, command, size: containerSize };
}

/** @param release the release that the container runs; null if it was deleted. */
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
    restart_reason: instance.restartReason,
    container_size: {
      id: containerSize,
      name: containerSize,
      human_name: containerSize,
      human_cpu: `${cpus} ${cpus === 1 ? "CPU" : "CPUs"}`,
      memory: instance.memoryBytes,
    },
  };
}
