// The nodes of a swarm, and the nodes whose engines are connected to the scheduler.

import { callEngine } from "@slipway/docker";
import type Docker from "dockerode";
import { ifReachable } from "../reachable.ts";
import { ignoringAbsence, type MeasuredEngine } from "../overfull-containers.ts";

/** The connected engines, the manager's first. */
export type NodeEngines = readonly [manager: MeasuredEngine, ...MeasuredEngine[]];

export interface SwarmNode {
  readonly id: string;
  readonly hostname: string;
  /** The address listed by the swarm. */
  readonly address: string;
}

export async function listNodes(docker: Docker): Promise<SwarmNode[]> {
  const nodes = (await callEngine("list nodes", (abortSignal) => docker.listNodes({ abortSignal }))) as {
    ID: string;
    Description?: { Hostname?: string };
    Status?: { Addr?: string };
  }[];
  return nodes.map(({ ID: id, Description, Status }) => ({
    id,
    hostname: Description?.Hostname ?? id,
    address: Status?.Addr ?? "",
  }));
}

/** Host names of the swarm's nodes whose engines are not connected, or do not respond. */
export async function unreachedNodes(engines: NodeEngines): Promise<string[]> {
  const [nodes, ...reached] = await Promise.all([
    listNodes(engines[0].docker),
    ...engines.map(({ docker }) => ifReachable(docker, () => nodeIdOf(docker))),
  ]);
  return nodes.filter(({ id }) => !reached.includes(id)).map(({ hostname }) => hostname);
}

/**
 * @param containerId "" for a task without a container.
 * @returns the engine that runs or ran the container; null when it is not connected, or does not respond.
 */
export async function engineOf(engines: NodeEngines, containerId: string): Promise<MeasuredEngine | null> {
  if (containerId === "") return null;
  for (const engine of engines) {
    const { docker } = engine;
    const inspect = () => docker.getContainer(containerId).inspect();
    const request = () => callEngine("inspect a container", inspect);
    if ((await ifReachable(docker, () => ignoringAbsence(request))) !== null) return engine;
  }
  return null;
}

/** The engine's node id; "" outside of a swarm. */
async function nodeIdOf(docker: Docker): Promise<string> {
  const info = await callEngine("return its node", () => docker.info());
  return (info as { readonly Swarm?: { readonly NodeID?: string } }).Swarm?.NodeID ?? "";
}
