// What we read of a Swarm: services, their tasks and the nodes these run on, as far as the scheduler needs them.

import { type Labels, label } from "@slipway/core";
import { ask, statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { appPort, labelsOf } from "../instance-config.ts";

/** On the service alone: a label of its containers could not be changed without starting them again. */
export const promotedLabel = "io.slipway.promoted";

const updateTries = 3;
const nsPerMs = 1_000_000;

/** Task states in which nothing runs any more. */
const overStates = new Set(["complete", "shutdown", "failed", "rejected", "remove", "orphaned"]);

/** The service of one rollout. */
export interface AppService {
  readonly id: string;
  readonly appId: string;
  readonly releaseId: string;
  readonly rolloutId: string;
  readonly attempt: number;
  readonly promoted: boolean;
  readonly stopGraceMs: number;
  readonly createdAt: Date;
  readonly version: number;
  readonly spec: Docker.ServiceSpec;
}

export interface Task {
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

/** Newest first; all apps' when none is named. */
export async function findServices(
  docker: Docker,
  installationId: string,
  appId?: string,
): Promise<AppService[]> {
  const filters = { label: filterOf(labelsOf(installationId, appId)) };
  const services = (await ask("list services", (abortSignal) =>
    docker.listServices({ filters, abortSignal }),
  )) as unknown as ServiceAnswer[];
  return services.map(appService).toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}

/** The service's tasks in whatever state, newest first; none when the service is gone. */
export async function findTasks(docker: Docker, serviceId: string): Promise<Task[]> {
  try {
    return await listTasks(docker, { service: [serviceId] });
  } catch (error) {
    if (statusOf(error) === 404) return [];
    throw error;
  }
}

/** Whether one of the tasks is still there: they outlive their service until they have stopped. */
export async function someLeft(docker: Docker, taskIds: readonly string[]): Promise<boolean> {
  return taskIds.length > 0 && (await listTasks(docker, { id: taskIds })).length > 0;
}

/** Node id → its address as the swarm knows it. */
export async function nodeHosts(docker: Docker): Promise<ReadonlyMap<string, string>> {
  const nodes = (await ask("list nodes", (abortSignal) => docker.listNodes({ abortSignal }))) as {
    ID: string;
    Status?: { Addr?: string };
  }[];
  return new Map(nodes.map(({ ID, Status }) => [ID, Status?.Addr ?? ""]));
}

/** One that is gone is fine. Its tasks are stopped afterwards. */
export async function removeService(docker: Docker, idOrName: string): Promise<void> {
  try {
    await ask("remove a service", () => docker.getService(idOrName).remove());
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

/** Changes labels of the service itself, which starts none of its tasks again. */
export async function labelService(docker: Docker, service: AppService, labels: Labels): Promise<void> {
  const spec = { ...service.spec, Labels: { ...service.spec.Labels, ...labels } };
  await ask("label a service", () => update(docker, service, spec));
}

/** Its tasks are stopped afterwards. A service that is gone is fine, and so is one that somebody else scales at the same time. */
export async function scaleToNone(docker: Docker, id: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const service = await inspectService(docker, id);
    if (service === null || service.spec.Mode?.Replicated?.Replicas === 0) return;
    const spec = { ...service.spec, Mode: { Replicated: { Replicas: 0 } } };
    try {
      await ask("scale a service to none", () => update(docker, service, spec));
      return;
    } catch (error) {
      // What was changed since it was read has another version.
      if (tries === updateTries) throw error;
    }
  }
}

async function inspectService(docker: Docker, id: string): Promise<AppService | null> {
  try {
    const found = await ask("look at a service", () => docker.getService(id).inspect());
    return appService(found as ServiceAnswer);
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

async function update(docker: Docker, { id, version }: AppService, spec: Docker.ServiceSpec): Promise<void> {
  // In the body alone: the client would put the whole specification into the URL as well.
  await docker.getService(id).update({ _query: { version }, _body: spec });
}

/** Whether it listens: the health check holds it back from "running" until then. */
export function isUp(task: Task): boolean {
  return task.DesiredState === "running" && task.Status.State === "running";
}

/** Whether nothing of it runs any more. */
export function isOver({ Status }: Task): boolean {
  return overStates.has(Status.State);
}

async function listTasks(docker: Docker, filters: Record<string, readonly string[]>): Promise<Task[]> {
  const tasks = (await ask("list tasks", (abortSignal) =>
    docker.listTasks({ filters, abortSignal }),
  )) as Task[];
  return tasks.toSorted((a, b) => b.CreatedAt.localeCompare(a.CreatedAt));
}

/** The port on its node; null while it has none. */
export function publishedPort(task: Task): number | null {
  const ports = task.Status.PortStatus?.Ports ?? [];
  return ports.find(({ TargetPort }) => TargetPort === appPort)?.PublishedPort ?? null;
}

interface ServiceAnswer {
  readonly ID: string;
  readonly CreatedAt: string;
  readonly Version: { readonly Index: number };
  readonly Spec: Docker.ServiceSpec;
}

function appService({ ID, CreatedAt, Version, Spec }: ServiceAnswer): AppService {
  const labels = Spec.Labels ?? {};
  return {
    id: ID,
    appId: labels[label.app] ?? "",
    releaseId: labels[label.release] ?? "",
    rolloutId: labels[label.rollout] ?? "",
    attempt: Number(labels[label.attempt] ?? 0),
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
