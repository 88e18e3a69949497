// Opens the scheduler that the configuration names: one engine, or a swarm.

import { lookup } from "node:dns/promises";
import type { Scheduler } from "@slipway/core";
import {
  type DockerSchedulerOptions,
  openDockerScheduler,
  openSwarmScheduler,
  type SwarmSchedulerOptions,
} from "@slipway/scheduler";
import type { WorkerConfig } from "../config.ts";

/** @param common options for both kinds: the engine, the installation, the registry login, and the options of a swarm's nodes. */
export async function openScheduler(
  config: Pick<WorkerConfig, "scheduler">,
  common: DockerSchedulerOptions & SwarmSchedulerOptions,
): Promise<Scheduler> {
  const { kind, network, publishHost: host } = config.scheduler;
  const joined = network === undefined ? common : { ...common, network };
  if (kind === "swarm") return openSwarmScheduler(joined);
  // Engines require an address instead of a name.
  const publishHost = host === undefined ? {} : { publishHost: (await lookup(host)).address };
  return openDockerScheduler({ ...joined, ...publishHost });
}
