// Limits what instances write: their bytes on an engine whose kernel does not, and the number of their files, which no kernel
// limits. An instance over its limit is started again with the files of its image. All instances are measured by one call of the
// engine, and counted by one container.

import { DeadlineError } from "@slipway/async";
import { excessText, label, type Labels, maxFiles, type OverfullInstance } from "@slipway/core";
import {
  callEngine,
  type FileCounter,
  findContainers,
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

/** @see Scheduler.restartOverfull */
export async function restartWithFewerBytes(
  docker: Docker,
  installationId: string,
): Promise<readonly OverfullInstance[]> {
  const labels = labelsOf(installationId);
  const restarts = new Restarts(docker);
  await restarts.finish(labels);
  for (const instance of await measureAll(docker, labels))
    if (instance.writtenBytes > limitOf(instance)) await restarts.begin(instance, bytesText(instance));
  return restarts.outcome();
}

/** @see Scheduler.restartOverfull */
export async function restartWithFewerFiles(
  docker: Docker,
  files: FileCounter,
  installationId: string,
): Promise<readonly OverfullInstance[]> {
  const labels = labelsOf(installationId);
  const restarts = new Restarts(docker);
  await restarts.finish(labels);
  const limited = (await runningContainers(docker, labels)).filter((one) => Number.isFinite(limitOf(one)));
  // In another order each time, because a look may end before the last of them.
  const counted = limited.map((one) => ({
    id: one.id,
    maxFiles: maxFiles(limitOf(one)),
    turn: Math.random(),
  }));
  const counts = await files.count(counted.toSorted((a, b) => a.turn - b.turn));
  for (const instance of limited) {
    if ((counts.get(instance.id) ?? 0) > maxFiles(limitOf(instance)))
      await restarts.begin(instance, excessText("files", limitOf(instance)));
  }
  return restarts.outcome();
}

/** Restarts of one pass. A failed one does not prevent the others; the next pass finishes it. */
class Restarts {
  readonly #docker: Docker;
  readonly #overfull: OverfullInstance[] = [];
  readonly #failures: unknown[] = [];

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  /** @param reason what the instance did, for the app's owner. */
  async begin(instance: RunningContainer, reason: string): Promise<void> {
    await this.#try(async () => {
      if (!(await startAgain(this.#docker, instance, reason))) return;
      const { [label.app]: appId = "", [label.instance]: index = "1" } = instance.labels;
      this.#overfull.push({ appId, index: Number(index), reason });
    });
  }

  /** Starts the containers that an earlier pass created and did not start, because the engine or the worker failed. */
  async finish(labels: Labels): Promise<void> {
    const instances = await findContainers(this.#docker, labels);
    const waiting = instances.filter(
      ({ State, Labels }) => State === "created" && restartReasonLabel in Labels,
    );
    for (const created of waiting)
      await this.#try(async () => {
        const former = instances.filter((one) => one.Id !== created.Id && isSameInstance(one, created));
        for (const { Id } of former) await removeContainer(this.#docker, Id);
        await ignoringAbsence(() => start(this.#docker.getContainer(created.Id)));
      });
  }

  /** @throws the first failure. */
  outcome(): readonly OverfullInstance[] {
    if (this.#failures.length > 0) throw this.#failures[0];
    return this.#overfull;
  }

  async #try(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#failures.push(error);
    }
  }
}

function isSameInstance(one: Docker.ContainerInfo, other: Docker.ContainerInfo): boolean {
  return [label.rollout, label.attempt, label.instance].every(
    (name) => one.Labels[name] === other.Labels[name],
  );
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
 * The new container is created before the old one is killed and removed, so that no failure leaves the app without either.
 * @param reason what it did, for the app's owner. @returns false when the container does not exist any more, or is being restarted.
 */
async function startAgain(docker: Docker, { id }: RunningContainer, reason: string): Promise<boolean> {
  const container = docker.getContainer(id);
  const found = await ignoringAbsence(() => callEngine("inspect a container", () => container.inspect()));
  if (found === null) return false;
  if (found.HostConfig.RestartPolicy?.Name !== restart.promoted.Name) {
    // Its boot fails then, which the deployment explains.
    await killContainer(docker, id);
    return true;
  }
  const created = await createAgain(docker, found, reason);
  if (created === null) return false;
  await killContainer(docker, id);
  await removeContainer(docker, id);
  await start(created);
  return true;
}

/** @returns null when another pass has created it. */
async function createAgain(
  docker: Docker,
  found: Docker.ContainerInspectInfo,
  reason: string,
): Promise<Docker.Container | null> {
  const name = `${found.Name.slice(1).replace(suffix, "")}-again-${found.Id.slice(0, 8)}`;
  const explained = `the container ${reason}: it was started again with the files of its image`;
  const Labels = { ...found.Config.Labels, [restartReasonLabel]: explained };
  // The types differ, but the engine accepts what it returns.
  const config = {
    ...found.Config,
    name,
    Labels,
    HostConfig: found.HostConfig,
  } as Docker.ContainerCreateOptions;
  try {
    return await callEngine("create the container again", () => docker.createContainer(config));
  } catch (error) {
    if (statusOf(error) === 409) return null;
    throw error;
  }
}

async function start(container: Docker.Container): Promise<void> {
  try {
    await callEngine("start the container again", () => container.start());
  } catch (error) {
    // Another pass has started it.
    if (statusOf(error) !== 304) throw error;
  }
}

/** @returns in bytes; infinity for a container that an earlier version created. */
function limitOf({ labels }: RunningContainer): number {
  return Number(labels[diskLabel] ?? Number.POSITIVE_INFINITY);
}

function bytesText(instance: MeasuredContainer): string {
  const { writtenBytes: bytes } = instance;
  if (!Number.isFinite(bytes)) return excessText("files", limitOf(instance));
  const limit = `${Math.floor(limitOf(instance) / 1024 ** 2)} MiB (APP_DISK_MB)`;
  return `wrote ${Math.ceil(bytes / 1024 ** 2)} MiB, its limit is ${limit}`;
}

async function ignoringAbsence<T>(request: () => Promise<T>): Promise<T | null> {
  try {
    return await request();
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}
