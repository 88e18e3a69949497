// The configuration of build containers. A build is untrusted code: it runs as an unprivileged user with limits on all resources.
// It can write wherever the image allows that user to write, which is /work in the stack, to its cache volume and to its tmpfs mounts.

import { buildKind, type Labels, label, type SandboxSpec, type SandboxUser } from "@slipway/core";
import { quotaOption, runtimeOption, securityOptions, ulimits, volumeWithQuota } from "@slipway/docker";
import type { ContainerCreateOptions } from "dockerode";

/** Directory of all uploads and downloads. */
export const workPath = "/work";
/** Mount point of a volume for the build's cache, which snapshots do not contain. */
export const cachePath = "/work/cache";
/** Owner of /work and of the build's processes. The image needs no passwd entry for it. */
export const buildUserId = 2000;

/** Maximum per process of a build. Bundlers open some thousands; the disk watch reads all open files. */
const maxOpenFiles = 8192;
/** Value of the label `kind` of the companions of sandboxes. */
export const companionKind = "build-companion";

/**
 * No capabilities and no way to gain any, no mounts of the host, no engine socket, no log stored by the engine (the attached
 * output is the log). There is no swap, and tmpfs content counts as memory. The root file system is writable, so that /work can
 * contain files of a snapshot; the size of its changes is limited by a quota, or by the disk watch on engines without quotas.
 */
export function sandboxConfig(
  spec: SandboxSpec,
  context: {
    installationId: string;
    name: string;
    networkId: string;
    /** The relay's container, whose network the sandbox shares; null without a relay. */
    relayId: string | null;
    /** Names of the image's variables that the build does not get, unless it sets them itself. */
    unset: readonly string[];
    /** A container runtime of the engine; undefined for the engine's default. */
    runtime?: string | undefined;
    /** The kernel's limit for the container's files; null when the engine has none. */
    quotaBytes: number | null;
    limitsVolumes: boolean;
  },
) {
  const { diskBytes, tmpfsBytes } = spec.limits;
  const user = spec.user ?? { uid: buildUserId, gid: buildUserId };
  return {
    name: context.name,
    Image: spec.image,
    // Set as the entrypoint, to replace the image's own.
    Entrypoint: [...spec.command],
    Cmd: [],
    User: `${user.uid}:${user.gid}`,
    WorkingDir: workPath,
    // A name without "=" unsets the image's variable.
    Env: [
      ...Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
      ...context.unset.filter((name) => !Object.hasOwn(spec.environment, name)),
    ],
    Labels: sandboxLabels(spec.labels, context.installationId),
    Tty: false,
    OpenStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    Healthcheck: { Test: ["NONE"] },
    ...(context.limitsVolumes ? {} : { Volumes: { [cachePath]: {} } }),
    HostConfig: {
      ...confinement,
      ...runtimeOption(context.runtime),
      ReadonlyRootfs: false,
      Init: true,
      NetworkMode: context.relayId === null ? context.networkId : `container:${context.relayId}`,
      PidsLimit: spec.limits.pids,
      Memory: spec.limits.memoryBytes,
      MemorySwap: spec.limits.memoryBytes,
      NanoCpus: Math.round(spec.limits.cpus * 1e9),
      Ulimits: ulimits({ fileBytes: diskBytes, openFiles: maxOpenFiles }),
      ...(context.quotaBytes === null ? {} : { StorageOpt: quotaOption(context.quotaBytes) }),
      ...(context.limitsVolumes ? { Mounts: [volumeWithQuota(cachePath, diskBytes)] } : {}),
      Tmpfs: { "/tmp": tmpfs(tmpfsBytes, "1777", user), "/app": tmpfs(tmpfsBytes, "0755", user) },
    },
  } satisfies ContainerCreateOptions;
}

/** The labels of a sandbox: the given ones and Slipway's own. */
export function sandboxLabels(labels: Labels, installationId: string): Labels {
  return { ...labels, [label.installation]: installationId, [label.kind]: buildKind };
}

/**
 * The configuration of a companion: a short-lived container that runs as root, in the sandbox's process namespace and with its image,
 * for tasks that need root. It has only the given capabilities and no network, and the engine removes it when it ends.
 */
export function companionConfig(sandbox: SandboxContext, task: CompanionTask) {
  return {
    Image: sandbox.image,
    Entrypoint: [...task.command],
    Cmd: [],
    User: "0:0",
    WorkingDir: "/",
    Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"],
    Labels: { ...sandbox.labels, [label.kind]: companionKind },
    Tty: false,
    AttachStdout: true,
    AttachStderr: false,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...confinement,
      CapAdd: [...task.capabilities],
      AutoRemove: true,
      NetworkMode: "none",
      PidMode: `container:${sandbox.id}`,
      PidsLimit: 32,
      Memory: companionMemoryBytes,
      MemorySwap: companionMemoryBytes,
    },
  } satisfies ContainerCreateOptions;
}

/**
 * The configuration of a relay: a container with the network for builds, which the sandbox shares. It ends when its input ends, so it
 * does not outlive the worker's connection.
 */
export function relayConfig(relay: {
  readonly image: string;
  readonly labels: Labels;
  readonly command: readonly string[];
  readonly networkId: string;
  readonly autoRemove: boolean;
}) {
  return {
    Image: relay.image,
    Entrypoint: [...relay.command],
    Cmd: [],
    User: `${buildUserId}:${buildUserId}`,
    WorkingDir: "/",
    Labels: { ...relay.labels, [label.kind]: companionKind },
    Tty: false,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: false,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...confinement,
      AutoRemove: relay.autoRemove,
      NetworkMode: relay.networkId,
      PidsLimit: 8,
      NanoCpus: 1_000_000_000,
      Memory: companionMemoryBytes,
      MemorySwap: companionMemoryBytes,
    },
  } satisfies ContainerCreateOptions;
}

/** The properties of a created sandbox that its companions need. */
export interface SandboxContext {
  readonly id: string;
  readonly image: string;
  /** The sandbox's labels; companions have the same labels, so that both are found together. */
  readonly labels: Labels;
}

interface CompanionTask {
  readonly command: readonly string[];
  readonly capabilities: readonly string[];
}

const companionMemoryBytes = 256 * 1024 ** 2;

const confinement = {
  CapDrop: ["ALL"],
  SecurityOpt: [...securityOptions],
  ReadonlyRootfs: true,
  Privileged: false,
  LogConfig: { Type: "none", Config: {} },
  RestartPolicy: { Name: "no" },
  OomKillDisable: false,
};

function tmpfs(sizeBytes: number, mode: string, { uid, gid }: SandboxUser): string {
  return `rw,exec,nosuid,nodev,size=${sizeBytes},uid=${uid},gid=${gid},mode=${mode}`;
}
