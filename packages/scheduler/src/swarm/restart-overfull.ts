// Ends the instances on nodes of a swarm that exceed what they may write. Swarm starts others in their place, with the files of their
// image.

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
      // Swarm removes the containers of a service that is gone.
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
 * Swarm keeps the last containers of a service that have ended, with their files, so it is removed here. The one of a start is
 * needed for its explanation, and is removed with the service, as the start has failed.
 */
async function end(node: Docker, { id }: OverfullContainer, isPromoted: boolean): Promise<void> {
  await killContainer(node, id);
  if (isPromoted) await removeContainer(node, id);
}

/** On the service, because a change of a task's labels would start all tasks again. */
async function noteReason(manager: Docker, { id }: AppService, slot: number, reason: string): Promise<void> {
  await labelService(manager, id, { [reasonLabel(slot)]: restartReason(reason) });
}

/** The label of a service with the reason why its instance of this number was started again. */
export function reasonLabel(slot: number): string {
  return `${restartReasonLabel}.${slot}`;
}
