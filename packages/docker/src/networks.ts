// A bridge network of our own, made once by whoever comes first.

import { label } from "@slipway/core";
import type Docker from "dockerode";
import { ask, statusOf } from "./client.ts";

/**
 * Containers on the network reach the world through the host's address translation, and NOT one another: inter-container
 * communication is off. What a bridge does not bar: services of the host that listen on the bridge's gateway or on all
 * interfaces, and whatever the host can reach, link-local metadata services (169.254.169.254) included. Where that
 * matters, the host's firewall has to forbid it for the networks with our label.
 *
 * The engine allows two networks of one name, when two processes ask at once; then all take the older one, and who made
 * the other removes it.
 * @returns its id; names are ambiguous for that reason.
 */
export async function ensureNetwork(
  docker: Docker,
  name: string,
  installationId: string,
  signal: AbortSignal,
): Promise<string> {
  const found = await oldest(docker, name, signal);
  if (found !== null) return found;
  const made = await create(docker, name, installationId, signal);
  const chosen = (await oldest(docker, name, signal)) ?? made;
  if (made !== null && made !== chosen) await remove(docker, made);
  if (chosen === null) throw new Error(`network ${name} was removed while it was made`);
  return chosen;
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
  name: string,
  installationId: string,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const network = await ask(
      `create the network ${name}`,
      () =>
        docker.createNetwork({
          Name: name,
          Driver: "bridge",
          CheckDuplicate: true,
          Options: { "com.docker.network.bridge.enable_icc": "false" },
          Labels: { [label.installation]: installationId, [label.kind]: "network" },
        }),
      { signal },
    );
    return network.id;
  } catch (error) {
    if (statusOf(error) === 409) return null;
    throw error;
  }
}

async function remove(docker: Docker, id: string): Promise<void> {
  try {
    await ask("remove a doubled network", () => docker.getNetwork(id).remove());
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}
