// A bridge network of our own, made once by whoever comes first.

import { createHash } from "node:crypto";
import { pause } from "@slipway/async";
import { label } from "@slipway/core";
import type Docker from "dockerode";
import { ask, statusOf } from "./client.ts";

const tryAgainMs = 100;
const maxTries = 100;

/**
 * Containers on the network reach the world through the host's address translation, and NOT one another: inter-container
 * communication is off. What a bridge does not bar: services of the host that listen on the bridge's gateway or on all
 * interfaces, and whatever the host can reach, link-local metadata services (169.254.169.254) included. Where that
 * matters, the host's firewall has to forbid it for the networks with our label.
 * @param options.scope "swarm" for one that every node of the swarm makes for itself when a container of it needs it
 * @returns its id.
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
  const bridge = scope === "local" ? await bridgeOptions(docker, name, signal) : {};
  // While another process makes it, the engine refuses ours and does not list theirs yet.
  for (let tries = 0; tries < maxTries; tries += 1) {
    const made = await create(docker, { name, scope, installationId, bridge }, signal);
    const chosen = made ?? (await oldest(docker, name, signal));
    if (chosen !== null) return chosen;
    await pause(tryAgainMs, signal);
  }
  throw new Error(`network ${name} is neither there nor can it be made`);
}

/**
 * The engine allows two networks of one name, when two processes ask at once, and then starts no container on either. It
 * allows no two on one bridge: so the bridge gets a name that both would give it. Other engines of the same host have
 * other bridges.
 */
async function bridgeOptions(
  docker: Docker,
  name: string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const engine = (await ask("tell who it is", () => docker.info(), { signal })) as {
    ID: string;
    DockerRootDir: string;
  };
  const hash = createHash("sha256").update(`${engine.ID} ${engine.DockerRootDir} ${name}`).digest("hex");
  return { "com.docker.network.bridge.name": `sw-${hash.slice(0, 12)}` };
}

async function oldest(docker: Docker, name: string, signal: AbortSignal): Promise<string | null> {
  const networks = await ask(
    "list networks",
    (abortSignal) => docker.listNetworks({ filters: { name: [name] }, abortSignal }),
    { signal },
  );
  // The engine's filter matches parts of names.
  const ours = networks.filter((network) => network.Name === name);
  ours.sort((a, b) => a.Created.localeCompare(b.Created) || a.Id.localeCompare(b.Id));
  return ours[0]?.Id ?? null;
}

/** @returns null when another process was faster. */
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
    const network = await ask(
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

/** 409 is the engine's answer when it sees the name is taken; the others come when two asked at the same time. */
function isTaken(error: unknown): boolean {
  if (statusOf(error) === 409) return true;
  return (
    error instanceof Error &&
    /networks have same bridge name|name conflicts with an existing object/.test(error.message)
  );
}
