// Finds the containers of apps on the engine, and reads rollout, instance and address from them.

import { type Instance, type InstanceState, label } from "@slipway/core";
import { callEngine, findContainers, statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { attemptOfLabels, labelsOf, restartReasonLabel, rolloutOfLabels } from "../instance-config.ts";
import type { RolloutPart } from "../rollout-scheduler.ts";
import { hostPortLabel, restart, startLabel } from "./container-config.ts";

export interface AppContainer extends RolloutPart {
  /** The same for all containers that one start created. */
  readonly startId: string;
  readonly index: number;
  readonly hostPort: number;
  /** The engine's container state: created, running, restarting, exited… */
  readonly state: string;
}

/** The containers of an app, or of all apps, newest first. */
export async function findAppContainers(
  docker: Docker,
  installationId: string,
  appId?: string,
): Promise<AppContainer[]> {
  const containers = await findContainers(docker, labelsOf(installationId, appId));
  return containers.toSorted((a, b) => b.Created - a.Created).map(appContainer);
}

/** The containers of the rollout's latest start, by index. */
export function startedLast(newestFirst: readonly AppContainer[], rolloutId: string): AppContainer[] {
  const ofRollout = newestFirst.filter((container) => container.rolloutId === rolloutId);
  return ofRollout
    .filter(({ startId }) => startId === ofRollout[0]?.startId)
    .toSorted((a, b) => a.index - b.index);
}

/** Whether the container was promoted, so that the engine restarts it. False when it does not exist. */
export async function isPromoted(docker: Docker, id: string): Promise<boolean> {
  return (await inspect(docker, id))?.HostConfig.RestartPolicy?.Name === restart.promoted.Name;
}

/** The instance in a container, without its address; null when the container no longer exists. */
export async function inspectInstance(
  docker: Docker,
  container: AppContainer,
): Promise<Omit<Instance, "address"> | null> {
  const found = await inspect(docker, container.id);
  if (found === null) return null;
  const { NanoCpus, Memory, RestartPolicy } = found.HostConfig;
  return {
    id: container.id,
    ...rolloutOfLabels(found.Config.Labels),
    index: container.index,
    state: stateOf(found.State.Status, RestartPolicy?.Name === restart.promoted.Name),
    createdAt: new Date(found.Created),
    memoryBytes: Memory ?? 0,
    cpus: (NanoCpus ?? 0) / 1e9,
    restartReason: found.Config.Labels[restartReasonLabel] ?? null,
  };
}

async function inspect(docker: Docker, id: string): Promise<Docker.ContainerInspectInfo | null> {
  try {
    return await callEngine("inspect a container", () => docker.getContainer(id).inspect());
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

function appContainer({ Id, State, Labels }: Docker.ContainerInfo): AppContainer {
  return {
    id: Id,
    ...rolloutOfLabels(Labels),
    startId: Labels[startLabel] ?? Id,
    attempt: attemptOfLabels(Labels),
    index: Number(Labels[label.instance] ?? 1),
    hostPort: Number(Labels[hostPortLabel] ?? 0),
    state: State,
  };
}
