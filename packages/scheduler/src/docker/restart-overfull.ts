// Restarts the instances on an engine that exceed their disk limits, with only the files of their image.

import { inTurn } from "@slipway/async";
import { type DiskExcess, label, type OverfullInstance } from "@slipway/core";
import { callEngine, findContainers, killContainer, removeContainer, statusOf } from "@slipway/docker";
import type Docker from "dockerode";
import { labelsOf, restartReason, restartReasonLabel } from "../instance-config.ts";
import {
  ignoringAbsence,
  type MeasuredEngine,
  type OverfullContainer,
  overfullContainers,
} from "../overfull-containers.ts";
import { restart } from "./container-config.ts";

const suffix = /-again-[0-9a-f]{8}$/;

/**
 * First completes restarts that the engine or the worker left unfinished in an earlier pass. The failure of one restart does not
 * prevent the others.
 * @see Scheduler.restartOverfull
 */
export async function restartOverfull(
  engine: MeasuredEngine,
  installationId: string,
  excess: DiskExcess,
): Promise<readonly OverfullInstance[]> {
  const { docker } = engine;
  const restarted: OverfullInstance[] = [];
  const finishAll = () => finishRestarts(docker, installationId);
  const beginAll = async () =>
    inTurn(await overfullContainers(engine, installationId, excess), async (instance) => {
      if (!(await startAgain(docker, instance))) return;
      const { [label.app]: appId = "", [label.instance]: index = "1" } = instance.labels;
      restarted.push({ appId, index: Number(index), reason: instance.reason });
    });
  await inTurn([finishAll, beginAll], (step) => step());
  return restarted;
}

/** Starts the containers that an earlier pass created but did not start. */
async function finishRestarts(docker: Docker, installationId: string): Promise<void> {
  const instances = await findContainers(docker, labelsOf(installationId));
  const waiting = instances.filter(
    ({ State, Labels }) => State === "created" && restartReasonLabel in Labels,
  );
  await inTurn(waiting, async (created) => {
    const former = instances.filter((one) => one.Id !== created.Id && isSameInstance(one, created));
    for (const { Id } of former) await removeContainer(docker, Id);
    await ignoringAbsence(() => start(docker.getContainer(created.Id)));
  });
}

function isSameInstance(one: Docker.ContainerInfo, other: Docker.ContainerInfo): boolean {
  return [label.rollout, label.attempt, label.instance].every(
    (name) => one.Labels[name] === other.Labels[name],
  );
}

/**
 * The new container is created before the old one is killed and removed, so that after any failure the app has at least one of them.
 * @returns false when the container no longer exists, or is already being restarted.
 */
async function startAgain(docker: Docker, { id, reason }: OverfullContainer): Promise<boolean> {
  const container = docker.getContainer(id);
  const found = await ignoringAbsence(() => callEngine("inspect a container", () => container.inspect()));
  if (found === null) return false;
  if (found.HostConfig.RestartPolicy?.Name !== restart.promoted.Name) {
    // Its boot then fails, with the reason in the deployment's error.
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

/** @returns null when another pass has created the container. */
async function createAgain(
  docker: Docker,
  found: Docker.ContainerInspectInfo,
  reason: string,
): Promise<Docker.Container | null> {
  const name = `${found.Name.slice(1).replace(suffix, "")}-again-${found.Id.slice(0, 8)}`;
  const Labels = { ...found.Config.Labels, [restartReasonLabel]: restartReason(reason) };
  // The types differ, but the engine accepts its own output.
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
    // Another pass has started the container.
    if (statusOf(error) !== 304) throw error;
  }
}
