// Creates a bridge network once, even if several processes need it at the same time.

import { createHash } from "node:crypto";
import { pause } from "@slipway/async";
import { label } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, statusOf } from "./client.ts";

const retryDelayMs = 100;
const maxAttempts = 100;
const bridgeNameOption = "com.docker.network.bridge.name";

/** Name of an installation's network for builds, for releases and commands, or for tasks on a swarm. */
export function networkName(installationId: string, purpose: "build" | "run" | "tasks"): string {
  return `slipway-${installationId}-${purpose}`;
}

/**
 * Creates the network unless it exists. Its containers reach other hosts through NAT of the host, but NOT each other:
 * inter-container communication is disabled. A bridge does not block services of the host that listen on the bridge's
 * gateway or on all interfaces, nor other destinations that the host can reach, including link-local metadata services
 * (169.254.169.254): the rules of `guardEgress` block these.
 * @param options.scope "swarm" for a network that each node of the swarm creates when a container needs it
 * @returns the network's id.
 */
export async function ensureNetwork(
  docker: Docker,
  name: string,
  installationId: string,
  signal: AbortSignal,
  { scope = "local" }: { readonly scope?: "local" | "swarm" } = {},
): Promise<string> {
  const found = await oldest(docker, name, signal);
  if (found !== null) return found;
  const bridge = scope === "local" ? { [bridgeNameOption]: await newBridge(docker, name, signal) } : {};
  // While another process creates the network, the engine rejects the name but does not list the network yet.
  for (let attempts = 0; attempts < maxAttempts; attempts += 1) {
    const created = await create(docker, { name, scope, installationId, bridge }, signal);
    const chosen = created ?? (await oldest(docker, name, signal));
    if (chosen !== null) return chosen;
    await pause(retryDelayMs, signal);
  }
  throw new Error(`the engine neither lists the network ${name} nor allows creating it`);
}

/** Distinguishes engines, even on the same host. */
export async function engineIdentity(docker: Docker, signal: AbortSignal): Promise<string> {
  const engine = (await callEngine("return its description", () => docker.info(), { signal })) as {
    ID: string;
    DockerRootDir: string;
  };
  return `${engine.ID} ${engine.DockerRootDir}`;
}

/**
 * When two processes create a network at the same time, the engine creates two with the same name, and then starts no container
 * on either. It refuses two networks on the same bridge, so the bridge's name is derived from the network's name and from the
 * engine, because several engines may share a host.
 */
async function newBridge(docker: Docker, name: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256")
    .update(`${await engineIdentity(docker, signal)} ${name}`)
    .digest("hex");
  return `sw-${hash.slice(0, 12)}`;
}

/** The name of a bridge network's interface on the engine's host. */
export function bridgeOf({ Id, Options }: Pick<Docker.NetworkInspectInfo, "Id" | "Options">): string {
  return Options?.[bridgeNameOption] ?? `br-${Id.slice(0, 12)}`;
}

/** Name of the bridge's interface for a network of `ensureNetwork`, existing or planned, unless the scope is "swarm". */
export async function plannedBridge(docker: Docker, name: string, signal: AbortSignal): Promise<string> {
  const found = await oldestOf(docker, name, signal);
  return found === null ? await newBridge(docker, name, signal) : bridgeOf(found);
}

async function oldest(docker: Docker, name: string, signal: AbortSignal): Promise<string | null> {
  return (await oldestOf(docker, name, signal))?.Id ?? null;
}

async function oldestOf(
  docker: Docker,
  name: string,
  signal: AbortSignal,
): Promise<Docker.NetworkInspectInfo | null> {
  const networks = await callEngine(
    "list networks",
    (abortSignal) => docker.listNetworks({ filters: { name: [name] }, abortSignal }),
    { signal },
  );
  // The engine's filter also matches substrings of names.
  const matches = networks.filter((network) => network.Name === name);
  matches.sort((a, b) => a.Created.localeCompare(b.Created) || a.Id.localeCompare(b.Id));
  return matches[0] ?? null;
}

/** @returns the network's id; null when another process created it first. */
async function create(
  docker: Docker,
  {
    name,
    scope,
    installationId,
    bridge,
  }: { name: string; scope: "local" | "swarm"; installationId: string; bridge: Record<string, string> },
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const network = await callEngine(
      `create the network ${name}`,
      () =>
        docker.createNetwork({
          Name: name,
          Driver: "bridge",
          Scope: scope,
          CheckDuplicate: true,
          Options: { "com.docker.network.bridge.enable_icc": "false", ...bridge },
          Labels: { [label.installation]: installationId, [label.kind]: "network" },
        }),
      { signal },
    );
    return network.id;
  } catch (error) {
    if (isTaken(error)) return null;
    throw error;
  }
}

/** The engine responds with 409 when the name is taken, and with these errors to concurrent requests. */
function isTaken(error: unknown): boolean {
  if (statusOf(error) === 409) return true;
  return (
    error instanceof Error &&
    /networks have same bridge name|name conflicts with an existing object/.test(error.message)
  );
}
