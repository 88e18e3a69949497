// Ends the instances on nodes of a swarm that exceed their disk limits. Swarm replaces them with new instances, with only the files of
// their image.

import { inTurn } from "@slipway/async";
import type { DiskExcess, OverfullInstance } from "@slipway/core";
import { killContainer, removeContainer } from "@slipway/docker";
import type Docker from "dockerode";
import { restartReason, restartReasonLabel } from "../instance-config.ts";
import { type MeasuredEngine, type OverfullContainer, overfullContainers } from "../overfull-containers.ts";
import { type AppService, findServices, labelService, taskOfLabels } from "./swarm-api.ts";

/**
 * A failure of one instance or node does not prevent the others.
 * @param nodes the engines that respond. @see Scheduler.restartOverfull
 */
export async function restartOverfull(
  manager: Docker,
  nodes: readonly MeasuredEngine[],
  installationId: string,
  excess: DiskExcess,
): Promise<readonly OverfullInstance[]> {
  const restarted: OverfullInstance[] = [];
  const ofNode = async (node: MeasuredEngine): Promise<void> => {
    const found = await overfullContainers(node, installationId, excess);
    if (found.length === 0) return;
    const services = await findServices(manager, installationId);
    await inTurn(found, async (container) => {
      const { serviceId, slot } = taskOfLabels(container.labels);
      const service = services.find(({ id }) => id === serviceId);
      // Swarm removes the containers of a removed service.
      if (service === undefined) return;
      await end(node.docker, container, service.promoted);
      restarted.push({ appId: service.appId, index: slot, reason: container.reason });
      if (service.promoted) await noteReason(manager, service, slot, container.reason);
    });
  };
  const outcomes = await Promise.allSettled(nodes.map(ofNode));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  return restarted;
}

/**
 * Swarm keeps a service's last ended containers, with their files, so the container is removed here. The container of a starting
 * instance explains the failed start, and is removed with the service.
 */
async function end(node: Docker, { id }: OverfullContainer, isPromoted: boolean): Promise<void> {
  await killContainer(node, id);
  if (isPromoted) await removeContainer(node, id);
}

/** Stored as a label of the service, because changing a task's labels would restart all tasks. */
async function noteReason(manager: Docker, { id }: AppService, slot: number, reason: string): Promise<void> {
  await labelService(manager, id, { [reasonLabel(slot)]: restartReason(reason) });
}

/** The service's label for the reason why the instance with this number was restarted. */
export function reasonLabel(slot: number): string {
  return `${restartReasonLabel}.${slot}`;
}
