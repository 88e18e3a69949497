// The configuration that every instance of a rollout gets on any engine: port, variables, labels.

import { type Instance, type Labels, label, type RolloutSpec } from "@slipway/core";
import { quotaOption, securityOptions, ulimits } from "@slipway/docker";

/** Port on which apps listen inside their containers, unless their image declares another one. */
const defaultPort = 8080;

/** The port on which an instance listens, also the value of the variable PORT. */
export function portOf({ port }: Pick<RolloutSpec, "port">): number {
  return port ?? defaultPort;
}

const releaseKind = "release";
const longestHostname = 63;
/** Maximum number of digits. */
const longestIndex = 4;

/** Labels of everything that runs for an installation, or for one of its apps. */
export function labelsOf(installationId: string, appId?: string): Labels {
  return {
    [label.installation]: installationId,
    [label.kind]: releaseKind,
    ...(appId === undefined ? {} : { [label.app]: appId }),
  };
}

/** Labels of everything that runs for a rollout. `rolloutOfLabels` reads them. */
export function rolloutLabels(installationId: string, rollout: RolloutSpec): Labels {
  return {
    ...labelsOf(installationId, rollout.appId),
    [label.release]: rollout.releaseId,
    [label.releaseNumber]: String(rollout.releaseNumber),
    [label.rollout]: rollout.rolloutId,
    [label.attempt]: String(rollout.attempt),
    [label.processType]: rollout.processType,
    ...(rollout.deploymentId === null ? {} : { [label.deployment]: rollout.deploymentId }),
  };
}

/**
 * The rollout's facts that each instance carries. Containers created by a version before rollouts lack some labels: each was a
 * rollout with one instance, named like its release.
 */
export function rolloutOfLabels(
  labels: Labels,
): Pick<Instance, "appId" | "releaseId" | "releaseNumber" | "rolloutId" | "processType"> {
  const releaseId = labels[label.release] ?? "";
  return {
    appId: labels[label.app] ?? "",
    releaseId,
    releaseNumber: Number(labels[label.releaseNumber] ?? 0),
    rolloutId: labels[label.rollout] ?? releaseId,
    processType: labels[label.processType] ?? "",
  };
}

/** The attempt that started a part of a rollout. */
export function attemptOfLabels(labels: Labels): number {
  return Number(labels[label.attempt] ?? 0);
}

/** Label for an instance's disk limit, in bytes. */
export const diskLabel = "io.slipway.disk-bytes";
/** Label for the reason of an instance's restart, for the app's owner. */
export const restartReasonLabel = "io.slipway.restart-reason";

/** @param reason what the container exceeded: the predicate of a sentence. @returns the text for the app's owner. */
export function restartReason(reason: string): string {
  return `the container ${reason}: it was started again with the files of its image`;
}

/** Maximum per process of an app. A server needs one file per connection. Engines themselves may be limited to this number. */
const maxOpenFiles = 16_384;

/** Limits per process of an app, which apply on every engine. */
export function processLimits(diskBytes: number) {
  return ulimits({ fileBytes: diskBytes, openFiles: maxOpenFiles });
}

/**
 * Resource limits and dropped privileges of an app's process.
 * @param quotaBytes the kernel's limit for the container's files; null when the engine has none.
 */
export function confinement(
  { diskBytes, memoryBytes, cpus, pids }: RolloutSpec["limits"],
  quotaBytes: number | null,
) {
  return {
    CapDrop: ["ALL"],
    SecurityOpt: [...securityOptions],
    Privileged: false,
    Init: true,
    PidsLimit: pids,
    Memory: memoryBytes,
    MemorySwap: memoryBytes,
    NanoCpus: Math.round(cpus * 1e9),
    Ulimits: processLimits(diskBytes),
    ...(quotaBytes === null ? {} : { StorageOpt: quotaOption(quotaBytes) }),
    Tmpfs: { "/tmp": `rw,exec,nosuid,nodev,size=${memoryBytes},mode=1777` },
  };
}

/** Whole seconds from SIGTERM to SIGKILL, the unit of engines; a Swarm would truncate fractions. */
export function stopGraceSeconds({ stopGraceMs }: Pick<RolloutSpec, "stopGraceMs">): number {
  return Math.ceil(stopGraceMs / 1000);
}

/**
 * The host name of an instance's container, `APP-web-1`, set at its creation: the engine then writes it into the container's
 * /etc/hosts. A long app name is truncated, because the kernel refuses a long host name.
 * @param index from 1, or the engine's template for the index.
 */
export function instanceHostname(
  { appName, processType }: Pick<RolloutSpec, "appName" | "processType">,
  index: number | string,
): string {
  const room = longestHostname - processType.length - longestIndex - 2;
  return `${appName.slice(0, room)}-${processType}-${index}`;
}

/**
 * The environment of one instance. HOSTNAME is the container's host name, unless the app has a variable of that name: apps
 * and frameworks use it as the address to listen on.
 * @param index from 1, or the engine's template for the index.
 */
export function instanceEnvironment(
  rollout: Pick<RolloutSpec, "environment" | "appName" | "processType" | "port">,
  index: number | string,
): Readonly<Record<string, string>> {
  return {
    HOSTNAME: instanceHostname(rollout, index),
    ...rollout.environment,
    CONTAINER: `${rollout.processType}-${index}`,
    PORT: String(portOf(rollout)),
  };
}
