// Starts all instances of a rollout, with limited concurrency, each on a port of the host. If one fails, all are removed.

import { randomUUID } from "node:crypto";
import { type RolloutSpec, SlipwayError, type StartOptions } from "@slipway/core";
import { callEngine, type FileCounter, findContainers, removeContainer } from "@slipway/docker";
import type Docker from "dockerode";
import { bootContainer } from "./boot.ts";
import { containerConfig, hostPortLabel, type InstanceContext } from "./container-config.ts";
import type { LocalBridge } from "./direct-connection.ts";
import { chooseHostPort, defaultPortRange, isPortTaken } from "./host-ports.ts";

/** Several tries, because only the engine knows the ports that services of its host use. */
const maxPortTries = 20;
/** Limited, because processes use the most processor time while they boot. */
const maxConcurrentBoots = 8;

export interface StartContext extends Omit<InstanceContext, "hostPort" | "startId" | "index"> {
  /** Bridge of the network; null when this process cannot connect to containers on it. */
  readonly bridge: LocalBridge | null;
  readonly files: FileCounter;
}

/** @returns the host ports, in the order of the instances. @see Scheduler.start */
export async function startInstances(
  docker: Docker,
  context: StartContext,
  rollout: RolloutSpec,
  { onOutput, signal }: StartOptions,
): Promise<number[]> {
  const startId = randomUUID().slice(0, 8);
  const made = new Set<string>();
  const failure = new AbortController();
  const options = { onOutput, signal: AbortSignal.any([signal, failure.signal]) };
  const hostPorts: number[] = [];
  const indexes = Array.from({ length: rollout.count }, (_, at) => at + 1).values();
  const startNext = async (): Promise<void> => {
    for (const index of indexes) {
      const started = startInstance(docker, { ...context, startId, index }, rollout, { ...options, made });
      hostPorts[index - 1] = await started;
    }
  };
  const lanes = Array.from({ length: Math.min(rollout.count, maxConcurrentBoots) }, () =>
    startNext().catch((error: unknown) => failure.abort(error)),
  );
  await Promise.all(lanes);
  if (!failure.signal.aborted) return hostPorts;
  // The caller gets the original error; periodic cleanup finds containers that could not be removed by their labels.
  await Promise.allSettled([...made].map((name) => removeContainer(docker, name)));
  throw failure.signal.reason;
}

/** @param options.made receives the names of the containers to remove after a failure. @returns the instance's host port. */
async function startInstance(
  docker: Docker,
  context: StartContext & Pick<InstanceContext, "startId" | "index">,
  rollout: RolloutSpec,
  options: StartOptions & { readonly made: Set<string> },
): Promise<number> {
  const refused = new Set<number>();
  for (;;) {
    options.signal.throwIfAborted();
    const hostPort = await freeHostPort(docker, refused);
    const config = containerConfig(rollout, { ...context, hostPort });
    options.made.add(config.name);
    try {
      // Without the signal, because an aborted call could leave behind a container whose id is unknown.
      const { id } = await callEngine("create the release's container", () => docker.createContainer(config));
      const { bridge, files } = context;
      await bootContainer(docker, id, rollout, { ...options, bridge, files });
      return hostPort;
    } catch (error) {
      if (!isPortTaken(error) || refused.size >= maxPortTries) throw error;
      refused.add(hostPort);
      await removeContainer(docker, config.name);
    }
  }
}

/** Most ports are free, so the engine is first asked about one port, and about all its containers only when that port is in use. */
async function freeHostPort(docker: Docker, refused: ReadonlySet<number>): Promise<number> {
  const likely = refused.size === 0 ? chooseHostPort([], refused) : null;
  if (likely !== null && (await findContainers(docker, { [hostPortLabel]: String(likely) })).length === 0)
    return likely;
  const port = chooseHostPort(await findContainers(docker, {}), refused);
  if (port !== null) return port;
  const { first, last } = defaultPortRange;
  const failure = `the engine's host has no free port from ${first} to ${last}; remove containers that are not needed`;
  throw new SlipwayError("engine-unavailable", failure);
}
