// Limits what instances write: their bytes on an engine whose kernel does not, and the number of their files, which no kernel
// limits. An instance over its limit is started again with the files of its image. All instances are measured by one call of the
// engine, and counted by one container.

import { randomUUID } from "node:crypto";
import { DeadlineError } from "@slipway/async";
import { excessText, label, type Labels, maxFiles, type OverfullInstance } from "@slipway/core";
import {
  callEngine,
  type FileCounter,
  killContainer,
  measureContainers,
  type MeasuredContainer,
  removeContainer,
  type RunningContainer,
  runningContainers,
  statusOf,
  writtenBytes,
} from "@slipway/docker";
import type Docker from "dockerode";
import { diskLabel, labelsOf, restartReasonLabel } from "../instance-config.ts";
import { restart } from "./container-config.ts";

/** Some thousand instances with few files take a second. */
const bulkLimitMs = 60_000;
const suffix = /-again-[0-9a-f]{8}$/;

interface Limits {
  readonly installationId: string;
  readonly files: FileCounter;
  /** Whether the kernel does not limit bytes, or not always. */
  readonly measuresBytes: boolean;
}

/** @see Scheduler.restartOverfull */
export async function restartOverfull(
  docker: Docker,
  { installationId, files, measuresBytes }: Limits,
): Promise<readonly OverfullInstance[]> {
  const overfull: OverfullInstance[] = [];
  const end = async (instance: RunningContainer, reason: string): Promise<void> => {
    if (!(await startAgain(docker, instance, reason))) return;
    const { [label.app]: appId = "", [label.instance]: index = "1" } = instance.labels;
    overfull.push({ appId, index: Number(index), reason });
  };
  const labels = labelsOf(installationId);
  if (measuresBytes) {
    for (const instance of await measureAll(docker, labels))
      if (instance.writtenBytes > limitOf(instance)) await end(instance, bytesText(instance));
  }
  const limited = (await runningContainers(docker, labels)).filter((one) => Number.isFinite(limitOf(one)));
  const counts = await files.count(limited.map((one) => ({ id: one.id, maxFiles: maxFiles(limitOf(one)) })));
  for (const instance of limited) {
    if ((counts.get(instance.id) ?? 0) > maxFiles(limitOf(instance)))
      await end(instance, excessText("files", limitOf(instance)));
  }
  return overfull;
}

/** When the engine does not measure all in time, one of them may have too many files: each is measured by itself. */
async function measureAll(docker: Docker, labels: Labels): Promise<readonly MeasuredContainer[]> {
  try {
    return await measureContainers(docker, labels, bulkLimitMs);
  } catch (error) {
    if (!(error instanceof Error && error.cause instanceof DeadlineError)) throw error;
  }
  const measured: MeasuredContainer[] = [];
  for (const container of await runningContainers(docker, labels)) {
    const bytes = await ignoringAbsence(() => writtenBytes(docker, container.id));
    if (bytes !== null) measured.push({ ...container, writtenBytes: bytes });
  }
  return measured;
}

/**
 * The new container is created before the old one is removed.
 * @param reason what it did, for the app's owner. @returns false when the container does not exist any more.
 */
async function startAgain(docker: Docker, { id }: RunningContainer, reason: string): Promise<boolean> {
  const container = docker.getContainer(id);
  const found = await ignoringAbsence(() => callEngine("inspect a container", () => container.inspect()));
  if (found === null) return false;
  await killContainer(docker, id);
  // Its boot fails then, which the deployment explains.
  if (found.HostConfig.RestartPolicy?.Name !== restart.promoted.Name) return true;
  const name = `${found.Name.slice(1).replace(suffix, "")}-again-${randomUUID().slice(0, 8)}`;
  const explained = `the container ${reason}: it was started again with the files of its image`;
  const Labels = { ...found.Config.Labels, [restartReasonLabel]: explained };
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

/** @returns in bytes; infinity for a container that an earlier version created. */
function limitOf({ labels }: RunningContainer): number {
  return Number(labels[diskLabel] ?? Number.POSITIVE_INFINITY);
}

function bytesText(instance: MeasuredContainer): string {
  const { writtenBytes: bytes } = instance;
  const limit = `${Math.floor(limitOf(instance) / 1024 ** 2)} MiB (APP_DISK_MB)`;
  const written = Number.isFinite(bytes) ? `${Math.ceil(bytes / 1024 ** 2)} MiB` : "too many files";
  return `wrote ${written}, its limit is ${limit}`;
}

async function ignoringAbsence<T>(request: () => Promise<T>): Promise<T | null> {
  try {
    return await request();
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}
