// Limits what instances write on an engine whose kernel does not: an instance over its limit is started again with the files of its
// image. All instances are measured by one call.

import { randomUUID } from "node:crypto";
import { DeadlineError } from "@slipway/async";
import { label, type OverfullInstance } from "@slipway/core";
import {
  callEngine,
  findContainers,
  killContainer,
  measureContainers,
  type MeasuredContainer,
  removeContainer,
  statusOf,
  writtenBytes,
} from "@slipway/docker";
import type Docker from "dockerode";
import { diskLabel, labelsOf, restartReasonLabel } from "../instance-config.ts";
import { restart } from "./container-config.ts";

/** Some thousand instances with few files take a second. */
const bulkLimitMs = 60_000;
const suffix = /-again-[0-9a-f]{8}$/;

/** @see Scheduler.restartOverfull */
export async function restartOverfull(
  docker: Docker,
  installationId: string,
): Promise<readonly OverfullInstance[]> {
  const overfull: OverfullInstance[] = [];
  for (const container of await measureAll(docker, installationId)) {
    const { labels, writtenBytes: bytes } = container;
    if (bytes <= Number(labels[diskLabel] ?? Number.POSITIVE_INFINITY)) continue;
    if (await startAgain(docker, container)) {
      const appId = labels[label.app] ?? "";
      overfull.push({ appId, index: Number(labels[label.instance] ?? 1), writtenBytes: bytes });
    }
  }
  return overfull;
}

/** When the engine does not measure all in time, one of them may have too many files: each is measured by itself. */
async function measureAll(docker: Docker, installationId: string): Promise<readonly MeasuredContainer[]> {
  const labels = labelsOf(installationId);
  try {
    return await measureContainers(docker, labels, bulkLimitMs);
  } catch (error) {
    if (!(error instanceof Error && error.cause instanceof DeadlineError)) throw error;
  }
  const measured: MeasuredContainer[] = [];
  for (const { Id, Labels } of await findContainers(docker, labels)) {
    const bytes = await ignoringAbsence(() => writtenBytes(docker, Id));
    if (bytes !== null) measured.push({ id: Id, labels: Labels, writtenBytes: bytes });
  }
  return measured;
}

/** The new container is created before the old one is removed. @returns false when the container does not exist any more. */
async function startAgain(
  docker: Docker,
  { id, labels, writtenBytes: bytes }: MeasuredContainer,
): Promise<boolean> {
  const container = docker.getContainer(id);
  const found = await ignoringAbsence(() => callEngine("inspect a container", () => container.inspect()));
  if (found === null) return false;
  await killContainer(docker, id);
  // Its boot fails then, which the deployment explains.
  if (found.HostConfig.RestartPolicy?.Name !== restart.promoted.Name) return true;
  const name = `${found.Name.slice(1).replace(suffix, "")}-again-${randomUUID().slice(0, 8)}`;
  const Labels = { ...found.Config.Labels, [restartReasonLabel]: reasonOf(bytes, Number(labels[diskLabel])) };
  // The types differ, but the engine accepts what it returns.
  const config = {
    ...found.Config,
    name,
    Labels,
    HostConfig: found.HostConfig,
  } as Docker.ContainerCreateOptions;
  const created = await callEngine("create the container again", () => docker.createContainer(config));
  await removeContainer(docker, id);
  await callEngine("start the container again", () => created.start());
  return true;
}

function reasonOf(bytes: number, limitBytes: number): string {
  const limit = `${Math.floor(limitBytes / 1024 ** 2)} MiB (APP_DISK_MB)`;
  const written = Number.isFinite(bytes) ? `${Math.ceil(bytes / 1024 ** 2)} MiB` : "too many files";
  return `the container wrote ${written}, its limit is ${limit}: it was started again with the files of its image`;
}

async function ignoringAbsence<T>(request: () => Promise<T>): Promise<T | null> {
  try {
    return await request();
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}
