// The calls to a Swarm's API that the scheduler needs: services and their tasks.

import { poll } from "@slipway/async";
import type { Labels } from "@slipway/core";
import { callEngine, findContainers, killContainer, statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { attemptOfLabels, labelsOf, rolloutOfLabels } from "../instance-config.ts";
import type { RolloutPart } from "../rollout-scheduler.ts";
import { ifReachable } from "../reachable.ts";
import type { NodeEngines } from "./nodes.ts";

/** Label of a promoted service. Its containers lack it, because changing a container label would restart them. */
export const promotedLabel = "io.slipway.promoted";

/** Labels that Swarm gives the containers of a service. */
const serviceNameLabel = "com.docker.swarm.service.name";
const serviceIdLabel = "com.docker.swarm.service.id";
/** `SERVICE.SLOT.TASK` */
const taskNameLabel = "com.docker.swarm.task.name";
const updateTries = 3;
const killEveryMs = 200;
const killLimitMs = 30_000;
const deletionPollMs = 100;
/** A manager that does not delete a stopped task within this time has lost the swarm's majority, and removes no service either. */
const deletionLimitMs = 10_000;
const nsPerMs = 1_000_000;

/** Task states without a running process. */
const overStates = new Set(["complete", "shutdown", "failed", "rejected", "remove", "orphaned"]);

/** The service of one rollout. */
export interface AppService extends RolloutPart {
  readonly promoted: boolean;
  readonly stopGraceMs: number;
  readonly createdAt: Date;
  readonly version: number;
  readonly spec: Docker.ServiceSpec;
}

export interface Task {
  readonly ServiceID: string;
  readonly ID: string;
  readonly CreatedAt: string;
  /** Number of the instance, from 1. */
  readonly Slot: number;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Status: {
    readonly State: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ContainerID?: string; readonly ExitCode?: number };
    readonly PortStatus?: {
      readonly Ports?: readonly { readonly TargetPort: number; readonly PublishedPort: number }[];
    };
  };
}

/** The services of an app, or of all apps, newest first. */
export async function findServices(
  docker: Docker,
  installationId: string,
  appId?: string,
): Promise<AppService[]> {
  const filters = { label: filterOf(labelsOf(installationId, appId)) };
  const services = (await callEngine("list services", (abortSignal) =>
    docker.listServices({ filters, abortSignal }),
  )) as readonly ListedService[];
  return services.map(appService).toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}

/** The service's tasks in any state, newest first; none when the service does not exist. */
export async function findTasks(docker: Docker, serviceId: string): Promise<Task[]> {
  return (await findTasksOfExisting(docker, serviceId)) ?? [];
}

/** The service's tasks in any state, newest first; null when the service does not exist. */
export async function findTasksOfExisting(docker: Docker, serviceId: string): Promise<Task[] | null> {
  try {
    return await listTasks(docker, { service: [serviceId] });
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** The tasks of all these services, in one request. A service that does not exist has none. */
export async function findTasksOfAll(docker: Docker, serviceIds: readonly string[]): Promise<Task[]> {
  if (serviceIds.length === 0) return [];
  try {
    return await listTasks(docker, { service: serviceIds });
  } catch (error) {
    // The swarm refuses the whole request when one of the services was removed after they were listed.
    if (statusOf(error) !== 404) throw error;
    return (await Promise.all(serviceIds.map((id) => findTasks(docker, id)))).flat();
  }
}

/** Whether one of the tasks still exists: tasks outlive their service until they have stopped. */
export async function someLeft(docker: Docker, taskIds: readonly string[]): Promise<boolean> {
  return taskIds.length > 0 && (await listTasks(docker, { id: taskIds })).length > 0;
}

/**
 * Does nothing when the service does not exist. The swarm stops its tasks after the call has returned. Waits until the swarm has deleted
 * the tasks that have already stopped: the manager's engine crashes when it deletes a task while it marks the tasks of a removed service
 * (a nil pointer in SetServiceTasksRemove of swarmkit, seen in Docker Engine 20.10).
 */
export async function removeService(docker: Docker, idOrName: string): Promise<void> {
  const areDeleted = async () => !(await findTasks(docker, idOrName)).some(isBeingDeleted);
  await poll(areDeleted, { everyMs: deletionPollMs, limitMs: deletionLimitMs });
  try {
    await callEngine("remove a service", () => docker.getService(idOrName).remove());
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

/**
 * Removes a service whose instances have not served, and kills its instances on the connected engines: Swarm itself would wait for their
 * grace period. Instances on nodes whose engines cannot be reached get the grace period.
 */
export async function removeServiceAtOnce([manager, ...others]: NodeEngines, name: string): Promise<void> {
  await removeService(manager.docker, name);
  const ofOthers = others.map(({ docker }) => ifReachable(docker, () => killTasks(docker, name)));
  await Promise.all([killTasks(manager.docker, name), ...ofOthers]);
}

async function killTasks(docker: Docker, serviceName: string): Promise<void> {
  const haveEnded = async () => {
    const containers = await findContainers(docker, { [serviceNameLabel]: serviceName });
    await Promise.all(containers.map(({ Id: id }) => killContainer(docker, id)));
    return containers.length === 0;
  };
  // A node removes the containers of a removed service, and starts no new ones.
  await poll(haveEnded, { everyMs: killEveryMs, limitMs: killLimitMs });
}

/**
 * Changes labels of the service itself, which does not restart its tasks. Does nothing when the service does not exist. Retries when
 * another process changes the service at the same time.
 */
export async function labelService(docker: Docker, id: string, labels: Labels): Promise<void> {
  await changeService(docker, id, "label a service", (spec) => ({ Labels: { ...spec.Labels, ...labels } }));
}

/**
 * Sets the number of tasks to 0. Does nothing when the service does not exist. Retries when another process changes the service at
 * the same time. The swarm stops the tasks after the call has returned.
 */
export async function scaleToNone(docker: Docker, id: string): Promise<void> {
  await changeService(docker, id, "scale a service to none", (spec) =>
    spec.Mode?.Replicated?.Replicas === 0 ? null : { Mode: { Replicated: { Replicas: 0 } } },
  );
}

/** @param change returns the changed parts of the specification; null for none. */
async function changeService(
  docker: Docker,
  id: string,
  action: string,
  change: (spec: Docker.ServiceSpec) => Partial<Docker.ServiceSpec> | null,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const service = await inspectService(docker, id);
    const changed = service === null ? null : change(service.spec);
    if (service === null || changed === null) return;
    const spec = { ...service.spec, ...changed };
    try {
      await callEngine(action, () => update(docker, service, spec));
      return;
    } catch (error) {
      // An update is refused when the service's version has changed after it was read.
      if (tries === updateTries) throw error;
    }
  }
}

async function inspectService(docker: Docker, id: string): Promise<AppService | null> {
  try {
    const found = await callEngine("inspect a service", () => docker.getService(id).inspect());
    return appService(found as ListedService);
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

async function update(docker: Docker, { id, version }: AppService, spec: Docker.ServiceSpec): Promise<void> {
  // Separate query and body, because the client would otherwise put the specification into the URL as well.
  await docker.getService(id).update({ _query: { version }, _body: spec });
}

/** The service of a container, and its instance's number, from the labels that Swarm set. */
export function taskOfLabels(labels: Labels): { readonly serviceId: string; readonly slot: number } {
  const [, slot = "1"] = (labels[taskNameLabel] ?? "").split(".");
  return { serviceId: labels[serviceIdLabel] ?? "", slot: Number(slot) };
}

/** Whether the task listens: its state is "running" only after the health check has succeeded. */
export function isUp(task: Task): boolean {
  return task.DesiredState === "running" && task.Status.State === "running";
}

/** Whether the swarm deletes the task soon: within 250 ms after it has stopped. */
function isBeingDeleted(task: Task): boolean {
  return task.DesiredState === "remove" && isOver(task);
}

/** Whether the task's process has ended, or never started. */
export function isOver({ Status }: Task): boolean {
  return overStates.has(Status.State);
}

async function listTasks(docker: Docker, filters: Record<string, readonly string[]>): Promise<Task[]> {
  const tasks = (await callEngine("list tasks", (abortSignal) =>
    docker.listTasks({ filters, abortSignal }),
  )) as Task[];
  return tasks.toSorted((a, b) => b.CreatedAt.localeCompare(a.CreatedAt));
}

/** The task's port on its node; null while it has none. A service publishes one port. */
export function publishedPort(task: Task): number | null {
  return task.Status.PortStatus?.Ports?.[0]?.PublishedPort ?? null;
}

interface ListedService {
  readonly ID: string;
  readonly CreatedAt: string;
  readonly Version: { readonly Index: number };
  readonly Spec: Docker.ServiceSpec;
}

function appService({ ID, CreatedAt, Version, Spec }: ListedService): AppService {
  const labels = Spec.Labels ?? {};
  return {
    id: ID,
    ...rolloutOfLabels(labels),
    attempt: attemptOfLabels(labels),
    promoted: promotedLabel in labels,
    stopGraceMs: stopGraceMsOf(Spec),
    createdAt: new Date(CreatedAt),
    version: Version.Index,
    spec: Spec,
  };
}

function stopGraceMsOf({ TaskTemplate: template = {} }: Docker.ServiceSpec): number {
  const graceNs = "ContainerSpec" in template ? template.ContainerSpec?.StopGracePeriod : undefined;
  return (graceNs ?? 0) / nsPerMs;
}

function filterOf(labels: Labels): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}
