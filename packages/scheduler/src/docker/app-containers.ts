// Finds the containers of apps on the engine, and reads rollout, instance and address from them.

import { type Instance, type InstanceState, label } from "@slipway/core";
import { ask, findContainers, statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { labelsOf } from "../instance-config.ts";
import { hostPortLabel, restart, startLabel } from "./container-config.ts";

export interface AppContainer {
  readonly id: string;
  readonly appId: string;
  readonly releaseId: string;
  readonly rolloutId: string;
  /** Common to the containers that one start made. */
  readonly startId: string;
  readonly attempt: number;
  readonly index: number;
  readonly hostPort: number;
  /** As the engine says: created, running, restarting, exited… */
  readonly state: string;
}

/** Newest first, as the engine lists them; all apps' when none is named. */
export async function findAppContainers(
  docker: Docker,
  installationId: string,
  appId?: string,
): Promise<AppContainer[]> {
  const containers = await findContainers(docker, labelsOf(installationId, appId));
  return containers.toSorted((a, b) => b.Created - a.Created).map(appContainer);
}

/** The rollout's containers of its latest start, by index. */
export function startedLast(newestFirst: readonly AppContainer[], rolloutId: string): AppContainer[] {
  const ofRollout = newestFirst.filter((container) => container.rolloutId === rolloutId);
  return ofRollout
    .filter(({ startId }) => startId === ofRollout[0]?.startId)
    .toSorted((a, b) => a.index - b.index);
}

/** Whether the container was promoted, that is: is kept alive. One that is gone was not. */
export async function isPromoted(docker: Docker, id: string): Promise<boolean> {
  return (await inspect(docker, id))?.HostConfig.RestartPolicy?.Name === restart.promoted.Name;
}

/** What the engine knows of the instance in a container, but for its address; null when it is gone. */
export async function inspectInstance(
  docker: Docker,
  container: AppContainer,
): Promise<Omit<Instance, "address"> | null> {
  const found = await inspect(docker, container.id);
  if (found === null) return null;
  const { Labels: labels } = found.Config;
  const { NanoCpus, Memory, RestartPolicy } = found.HostConfig;
  return {
    id: container.id,
    appId: container.appId,
    releaseId: container.releaseId,
    releaseNumber: Number(labels[label.releaseNumber] ?? 0),
    rolloutId: container.rolloutId,
    processType: labels[label.processType] ?? "",
    index: container.index,
    state: stateOf(found.State.Status, RestartPolicy?.Name === restart.promoted.Name),
    createdAt: new Date(found.Created),
    memoryBytes: Memory ?? 0,
    cpus: (NanoCpus ?? 0) / 1e9,
  };
}

async function inspect(docker: Docker, id: string): Promise<Docker.ContainerInspectInfo | null> {
  try {
    return await ask("look at a container", () => docker.getContainer(id).inspect());
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

function stateOf(status: string, promoted: boolean): InstanceState {
  if (status === "restarting") return "restarting";
  if (status === "running") return promoted ? "running" : "starting";
  return status === "created" ? "starting" : "stopped";
}

/** Containers that a version before rollouts made lack some labels: theirs was a rollout of one, named as its release. */
function appContainer({ Id, State, Labels }: Docker.ContainerInfo): AppContainer {
  const releaseId = Labels[label.release] ?? "";
  return {
    id: Id,
    appId: Labels[label.app] ?? "",
    releaseId,
    rolloutId: Labels[label.rollout] ?? releaseId,
    startId: Labels[startLabel] ?? Id,
    attempt: Number(Labels[label.attempt] ?? 0),
    index: Number(Labels[label.instance] ?? 1),
    hostPort: Number(Labels[hostPortLabel] ?? 0),
    state: State,
  };
}
