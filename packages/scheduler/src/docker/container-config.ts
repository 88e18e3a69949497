// What the container of one instance is made of.

import { label, type RolloutSpec } from "@slipway/core";
import type { ContainerCreateOptions } from "dockerode";
import { healthcheck } from "../healthcheck.ts";
import {
  appPort,
  confinement,
  instanceEnvironment,
  instanceHostname,
  rolloutLabels,
} from "../instance-config.ts";
import { proxyLabels } from "../proxy-labels.ts";

/** Holds the port on the host, which the engine does not tell of a container that is not running. */
export const hostPortLabel = "io.slipway.host-port";
/** Common to the containers of one start: a rollout may be started again beside what an earlier attempt promoted. */
export const startLabel = "io.slipway.start";

/** While an instance boots an exit is final; once it is the app's, only a stop of ours ends it. */
export const restart = {
  whileBooting: { Name: "no" },
  promoted: { Name: "unless-stopped" },
} as const;

export interface InstanceContext {
  readonly installationId: string;
  /** Id or name. */
  readonly network: string;
  /** Interface of the engine's host on which the port is published. */
  readonly publishHost: string;
  readonly hostPort: number;
  readonly startId: string;
  /** Of the instance, from 1. */
  readonly index: number;
}

/**
 * The image's user stays as it is. Its own files are writable, as apps expect, and go with the container. The engine keeps
 * the last of its output for operators: `docker logs`.
 */
export function containerConfig(rollout: RolloutSpec, place: InstanceContext) {
  const environment = instanceEnvironment(rollout, place.index);
  return {
    name: containerName(rollout, place),
    Hostname: instanceHostname(rollout, place.index),
    Image: rollout.image,
    // The whole argv is given: an entrypoint of the image would come before it.
    Entrypoint: rollout.command.slice(0, 1),
    Cmd: rollout.command.slice(1),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: {
      ...rolloutLabels(place.installationId, rollout),
      [label.instance]: String(place.index),
      [startLabel]: place.startId,
      [hostPortLabel]: String(place.hostPort),
      ...proxyLabels(rollout),
    },
    Tty: false,
    OpenStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    // Proxies that route by labels leave out what is not healthy. Nobody else asks, and each look costs a process.
    Healthcheck: rollout.hostname === null ? { Test: ["NONE"] } : healthcheck(rollout.bootTimeoutMs),
    ExposedPorts: { [`${appPort}/tcp`]: {} },
    HostConfig: {
      ...confinement(rollout.limits),
      NetworkMode: place.network,
      // The port is chosen by us: one left to the engine changes with every restart.
      PortBindings: { [`${appPort}/tcp`]: [{ HostIp: place.publishHost, HostPort: String(place.hostPort) }] },
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
      RestartPolicy: restart.whileBooting,
    },
  } satisfies ContainerCreateOptions;
}

/** Says to operators what it is: `slipway-INSTALLATION-APP-v7-web-1-START`. */
function containerName(rollout: RolloutSpec, place: InstanceContext): string {
  const process = `v${rollout.releaseNumber}-${rollout.processType}-${place.index}`;
  return `slipway-${place.installationId}-${rollout.appName}-${process}-${place.startId}`;
}
