// What a release's container is made of, and how its containers are told apart by their labels.

import { type Labels, label, type ReleaseSpec } from "@slipway/core";
import type { ContainerCreateOptions } from "dockerode";

/** Where every app listens inside its container; it learns of it by the variable PORT. */
export const appPort = 8080;
/** Holds the port on the host, which the engine does not tell of a container that is not running. */
export const hostPortLabel = "io.slipway.host-port";

const releaseKind = "release";
/** While a release boots an exit is final; once it is the app's, only a stop of ours ends it. */
export const restart = {
  whileBooting: { Name: "no" },
  promoted: { Name: "unless-stopped" },
} as const;

/** Labels that all containers of an app, or of one of its releases, carry. */
export function labelsOf(installationId: string, appId?: string, releaseId?: string): Labels {
  return {
    [label.installation]: installationId,
    [label.kind]: releaseKind,
    ...(appId === undefined ? {} : { [label.app]: appId }),
    ...(releaseId === undefined ? {} : { [label.release]: releaseId }),
  };
}

export interface ReleasePlace {
  readonly installationId: string;
  readonly networkId: string;
  /** Interface of the engine's host on which the port is published. */
  readonly publishHost: string;
  readonly hostPort: number;
  /** Tells apart containers of the same release. */
  readonly suffix: string;
}

/**
 * The image's entrypoint and user stay as they are; `command` are its arguments. Its own files are writable, as apps expect,
 * and go with the container. The engine keeps the last of its output for operators: `docker logs`.
 */
export function releaseConfig(release: ReleaseSpec, place: ReleasePlace) {
  const { memoryBytes, cpus, pids } = release.limits;
  const environment = { ...release.environment, PORT: String(appPort) };
  return {
    name: `slipway-${place.installationId}-${release.appName}-${release.processType}-${release.releaseNumber}-${place.suffix}`,
    Image: release.image,
    // The whole argv is given: an entrypoint of the image would come before it.
    Entrypoint: release.command.slice(0, 1),
    Cmd: release.command.slice(1),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: {
      ...labelsOf(place.installationId, release.appId, release.releaseId),
      [label.deployment]: release.deploymentId,
      [label.attempt]: String(release.attempt),
      [label.processType]: release.processType,
      [hostPortLabel]: String(place.hostPort),
    },
    Tty: false,
    OpenStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    Healthcheck: { Test: ["NONE"] },
    ExposedPorts: { [`${appPort}/tcp`]: {} },
    HostConfig: {
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Privileged: false,
      Init: true,
      NetworkMode: place.networkId,
      // The port is chosen by us: one left to the engine changes with every restart.
      PortBindings: { [`${appPort}/tcp`]: [{ HostIp: place.publishHost, HostPort: String(place.hostPort) }] },
      PidsLimit: pids,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      NanoCpus: Math.round(cpus * 1e9),
      Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
      Tmpfs: { "/tmp": `rw,exec,nosuid,nodev,size=${memoryBytes},mode=1777` },
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
      RestartPolicy: restart.whileBooting,
    },
  } satisfies ContainerCreateOptions;
}
