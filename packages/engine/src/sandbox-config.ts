// What a build's container is made of: a build is hostile code, so it gets a user without rights, bounds on everything, and one place to write.

import { type Labels, label, type SandboxSpec } from "@slipway/core";
import type { ContainerCreateOptions } from "dockerode";

/** Where the build's volume is. All uploads and downloads lie in it. */
export const volumePath = "/work";
/** Owner of the volume and of the build's processes; the stack image names it, no passwd entry is needed. */
export const buildUserId = 2000;

/** The label's value on sandboxes, and on what stands beside them. */
export const sandboxKind = "build";
export const companionKind = "build-companion";

const user = `${buildUserId}:${buildUserId}`;

/**
 * No capabilities, none gained, a read-only root, no mount of the host, no socket of the engine, no log kept by the
 * engine (what is attached is the log). Memory has no swap beside it, and the tmpfs sizes count towards it.
 */
export function sandboxConfig(
  spec: SandboxSpec,
  place: { installationId: string; name: string; networkId: string },
) {
  return {
    name: place.name,
    Image: spec.image,
    // As entrypoint, so that the image's own does not come before it.
    Entrypoint: [...spec.command],
    Cmd: [],
    User: user,
    WorkingDir: volumePath,
    Env: Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
    Labels: sandboxLabels(spec.labels, place.installationId),
    Tty: false,
    OpenStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    Healthcheck: { Test: ["NONE"] },
    Volumes: { [volumePath]: {} },
    HostConfig: {
      ...confinement,
      Init: true,
      NetworkMode: place.networkId,
      PidsLimit: spec.limits.pids,
      Memory: spec.limits.memoryBytes,
      MemorySwap: spec.limits.memoryBytes,
      NanoCpus: Math.round(spec.limits.cpus * 1e9),
      Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
      Tmpfs: { "/tmp": tmpfs(spec.limits.tmpfsBytes, "1777"), "/app": tmpfs(spec.limits.tmpfsBytes, "0755") },
    },
  } satisfies ContainerCreateOptions;
}

/** What a sandbox made for these labels carries. */
export function sandboxLabels(labels: Labels, installationId: string): Labels {
  return { ...labels, [label.installation]: installationId, [label.kind]: sandboxKind };
}

/**
 * A short-lived container of ours beside the sandbox, on the same volume, for what the build's user may not do.
 * It runs as root with no capability but those named, without a network, and goes away when it ends.
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
      PidMode: task.seesProcesses ? `container:${sandbox.id}` : "",
      VolumesFrom: [`${sandbox.id}:${task.writes ? "rw" : "ro"}`],
      PidsLimit: 32,
      Memory: companionMemoryBytes,
      MemorySwap: companionMemoryBytes,
    },
  } satisfies ContainerCreateOptions;
}

/** A created sandbox, as its companions need to know it. */
export interface SandboxContext {
  readonly id: string;
  readonly image: string;
  /** All of the sandbox's, so that both are found together. */
  readonly labels: Labels;
}

interface CompanionTask {
  readonly command: readonly string[];
  readonly capabilities: readonly string[];
  readonly seesProcesses: boolean;
  readonly writes: boolean;
}

const companionMemoryBytes = 128 * 1024 ** 2;

const confinement = {
  CapDrop: ["ALL"],
  SecurityOpt: ["no-new-privileges"],
  ReadonlyRootfs: true,
  Privileged: false,
  LogConfig: { Type: "none", Config: {} },
  RestartPolicy: { Name: "no" },
  OomKillDisable: false,
};

function tmpfs(sizeBytes: number, mode: string): string {
  return `rw,exec,nosuid,nodev,size=${sizeBytes},uid=${buildUserId},gid=${buildUserId},mode=${mode}`;
}
