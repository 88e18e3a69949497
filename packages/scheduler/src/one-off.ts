// Runs an app's command once, in a container of its own, on the connected engine, which may be a Swarm manager.

import { randomUUID } from "node:crypto";
import { rejectionOf, untilAborted } from "@slipway/async";
import {
  type DiskExcess,
  type DiskQuota,
  type Labels,
  label,
  type OneOffExit,
  type OneOffOptions,
  type OneOffSpec,
} from "@slipway/core";
import {
  type DockerConnection,
  callEngine,
  containerQuota,
  ensureNetwork,
  type FileCounter,
  findContainers,
  killedExitCode,
  networkName,
  ranOutOfMemory,
  removeContainer,
  runtimeOption,
  startProcess,
} from "@slipway/docker";
import type Docker from "dockerode";
import { killWhenFull } from "./kill-when-full.ts";
import { confinement, instanceEnvironment, instanceHostname } from "./instance-config.ts";

const oneOffKind = "one-off";

interface OneOffContext {
  readonly installationId: string;
  /** Undefined for the installation's bridge. */
  readonly network: string | undefined;
  /** A container runtime of the engine; undefined for the engine's default. */
  readonly runtime: string | undefined;
  readonly quota: DiskQuota;
  readonly files: FileCounter;
}

/** @see Scheduler.run */
export async function runOneOff(
  { docker, images }: DockerConnection,
  { installationId, network, runtime, quota, files }: OneOffContext,
  task: OneOffSpec,
  { onOutput, signal, timeoutMs }: OneOffOptions,
): Promise<OneOffExit> {
  await removeOneOffs(docker, installationId, task.appId, task);
  const [joined] = await Promise.all([
    network ?? ensureNetwork(docker, networkName(installationId, "run"), installationId, signal),
    images.ensure(task.image, signal),
  ]);
  const quotaBytes = await containerQuota(docker, quota, task.image, task.limits.diskBytes);
  const config = oneOffConfig(task, { installationId, network: joined, runtime, quotaBytes });
  const ended = new AbortController();
  const exceeded: DiskExcess[] = [];
  let watched: Promise<void> | undefined;
  try {
    // Without the signal, because an aborted call could leave behind a container whose id is unknown.
    const { id } = await callEngine("create the command's container", () => docker.createContainer(config));
    using process = await startProcess(docker, id, { signal });
    const delivered = (async () => {
      for await (const bytes of process.output) await onOutput(bytes);
      return await process.exitCode;
    })();
    const limited = { id, diskBytes: task.limits.diskBytes, labels: config.Labels };
    // Watched even with a quota: no quota limits the number of files, and that of btrfs has gaps.
    watched = killWhenFull(
      docker,
      files,
      { ...limited, onExcess: (excess) => exceeded.push(excess) },
      ended.signal,
    );
    const exitCode = await orTimedOut(Promise.race([delivered, rejectionOf(watched)]), timeoutMs, signal);
    if (exitCode === "timed out")
      return { exitCode: killedExitCode, timedOut: true, outOfMemory: false, diskFull: null };
    const [diskFull = null] = exceeded;
    const outOfMemory = diskFull === null && (await ranOutOfMemory(docker, id, exitCode));
    return { exitCode, timedOut: false, outOfMemory, diskFull };
  } finally {
    ended.abort();
    // A failure of the watch was thrown above, unless the command had already ended.
    await Promise.all([removeContainer(docker, config.name), Promise.allSettled([watched])]);
  }
}

async function orTimedOut<T>(
  result: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T | "timed out"> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    return await untilAborted(result, AbortSignal.any([signal, late]));
  } catch (error) {
    if (error === late.reason) return "timed out";
    throw error;
  }
}

/** Removes an app's command containers; with a rollout, only those of the given and earlier attempts at it. */
export async function removeOneOffs(
  docker: Docker,
  installationId: string,
  appId: string,
  of?: { readonly rolloutId: string; readonly attempt: number },
): Promise<void> {
  const labels: Labels = {
    [label.installation]: installationId,
    [label.kind]: oneOffKind,
    [label.app]: appId,
    ...(of === undefined ? {} : { [label.rollout]: of.rolloutId }),
  };
  const found = await findContainers(docker, labels);
  const left = found.filter(({ Labels }) => of === undefined || Number(Labels[label.attempt]) <= of.attempt);
  await Promise.all(left.map(({ Id }) => removeContainer(docker, Id)));
}

interface ConfigContext extends Omit<OneOffContext, "quota" | "files"> {
  readonly network: string;
  /** The kernel's limit for the container's files; null when the engine has none. */
  readonly quotaBytes: number | null;
}

function oneOffConfig(task: OneOffSpec, { installationId, network, runtime, quotaBytes }: ConfigContext) {
  const environment = instanceEnvironment(task, 1);
  return {
    // Like the names of instances, it does not contain the app's name.
    name: `slipway-${installationId}-${randomUUID().slice(0, 8)}`,
    Hostname: instanceHostname(task, 1),
    Image: task.image,
    Entrypoint: task.command.slice(0, 1),
    Cmd: task.command.slice(1),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: {
      [label.installation]: installationId,
      [label.kind]: oneOffKind,
      [label.app]: task.appId,
      [label.release]: task.releaseId,
      [label.rollout]: task.rolloutId,
      [label.attempt]: String(task.attempt),
      [label.processType]: task.processType,
      ...(task.deploymentId === null ? {} : { [label.deployment]: task.deploymentId }),
    },
    Tty: false,
    OpenStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...confinement(task.limits, quotaBytes),
      ...runtimeOption(runtime),
      NetworkMode: network,
      // The output is in the deployment's log.
      LogConfig: { Type: "none", Config: {} },
      RestartPolicy: { Name: "no" },
    },
  } satisfies Docker.ContainerCreateOptions;
}
