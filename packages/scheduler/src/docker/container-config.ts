// Builds the configuration of one instance's container.

import { label, type RolloutSpec } from "@slipway/core";
import { runtimeOption } from "@slipway/docker";
import type { ContainerCreateOptions } from "dockerode";
import { engineHealthcheck } from "../engine-healthcheck.ts";
import {
  confinement,
  diskLabel,
  instanceEnvironment,
  instanceHostname,
  portOf,
  rolloutLabels,
  stopGraceSeconds,
} from "../instance-config.ts";
import { proxyLabels } from "../proxy-labels.ts";

/** Label for the host port, which the engine does not report for a stopped container. */
export const hostPortLabel = "io.slipway.host-port";
/** The same for all containers of one start: a rollout may be started again while containers of an earlier attempt serve. */
export const startLabel = "io.slipway.start";

/** While an instance boots, its exit is final. After promotion the engine restarts it until Slipway stops it. */
export const restart = {
  whileBooting: { Name: "no" },
  promoted: { Name: "unless-stopped" },
} as const;

export interface InstanceContext {
  readonly installationId: string;
  /** Id or name of the network. */
  readonly network: string;
  /** Interface of the engine's host on which the port is published. */
  readonly publishHost: string;
  /** A container runtime of the engine; undefined for the engine's default. */
  readonly runtime?: string | undefined;
  readonly hostPort: number;
  /** The kernel's limit for the container's files; null when the engine has none. */
  readonly quotaBytes: number | null;
  readonly startId: string;
  /** Number of the instance, from 1. */
  readonly index: number;
}

/**
 * The process runs as the image's user. The image's files are writable, as apps expect, and changes are removed with the container.
 * The engine stores the end of the output for operators: `docker logs`.
 */
export function containerConfig(rollout: RolloutSpec, context: InstanceContext) {
  const environment = instanceEnvironment(rollout, context.index);
  const port = `${portOf(rollout)}/tcp`;
  return {
    name: containerName(context),
    Hostname: instanceHostname(rollout, context.index),
    Image: rollout.image,
    // Set as the entrypoint, to replace the image's own.
    Entrypoint: rollout.command.slice(0, 1),
    Cmd: rollout.command.slice(1),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: {
      ...rolloutLabels(context.installationId, rollout),
      [label.instance]: String(context.index),
      [startLabel]: context.startId,
      [hostPortLabel]: String(context.hostPort),
      [diskLabel]: String(rollout.limits.diskBytes),
      ...proxyLabels(rollout),
    },
    StopTimeout: stopGraceSeconds(rollout),
    Tty: false,
    OpenStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    // Only proxies that route by labels need health checks, and each check costs a process. That of the image runs while it boots.
    Healthcheck: rollout.hostname === null ? { Test: ["NONE"] } : engineHealthcheck(rollout),
    ExposedPorts: { [port]: {} },
    HostConfig: {
      ...confinement(rollout.limits, context.quotaBytes),
      ...runtimeOption(context.runtime),
      NetworkMode: context.network,
      // Slipway chooses the port, because a port chosen by the engine changes with every restart.
      PortBindings: {
        [port]: [{ HostIp: context.publishHost, HostPort: String(context.hostPort) }],
      },
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
      RestartPolicy: restart.whileBooting,
    },
  } satisfies ContainerCreateOptions;
}

/** Does not contain the app's name, since containers on the same network can resolve an address to it. Labels identify the app. */
function containerName({ installationId, startId, index }: InstanceContext): string {
  return `slipway-${installationId}-${startId}-${index}`;
}
