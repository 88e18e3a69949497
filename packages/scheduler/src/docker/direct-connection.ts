// Detects by connecting whether an app listens, if this process can reach the container's own address.
//
// It can reach a container on a bridge of this machine. The address alone does not prove that, because an engine in another
// network namespace uses the same addresses; the bridge does, because its name contains the id of its network or of its engine.
// A connection to the published port proves nothing, because the engine's proxy accepts it even if no process listens.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { elapsed } from "@slipway/async";
import type { Address } from "@slipway/core";
import { bridgeOf, callEngine, statusOf } from "@slipway/docker";
import type Docker from "dockerode";

const retryMs = 10;
/** Time limit for one connection: a packet filter may drop its packets. */
const connectLimitMs = 1_000;
/** The kernel's list of the interfaces in this process's network namespace, including those without a carrier. */
const interfacesFile = "/proc/net/dev";
/** The bridge of the engine's default network has the same name on every engine, docker0. */
const defaultOption = "com.docker.network.bridge.default_bridge";

/** A network whose bridge is on this machine. */
export interface LocalBridge {
  readonly networkId: string;
}

/**
 * Returns null when the network's containers cannot be reached from here: it is not a bridge, or its bridge is on another machine.
 * @param network id or name.
 */
export async function findLocalBridge(
  docker: Docker,
  network: string,
  signal: AbortSignal,
): Promise<LocalBridge | null> {
  const inspect = () => docker.getNetwork(network).inspect();
  try {
    const { Id, Driver, Options } = await callEngine("inspect a network", inspect, { signal });
    if (Driver !== "bridge" || Options?.[defaultOption] === "true") return null;
    return (await hasInterface(bridgeOf({ Id, Options }))) ? { networkId: Id } : null;
  } catch (error) {
    // The engine also accepts other modes than networks, such as another container's network.
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** False on a system without the kernel's list, such as macOS, where the engine's bridges are in a virtual machine. */
async function hasInterface(name: string): Promise<boolean> {
  try {
    const lines = (await readFile(interfacesFile, "utf8")).split("\n");
    return lines.some((line) => line.trimStart().startsWith(`${name}:`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** The container's address on the bridge; null when it has none. */
export async function hostOnBridge(
  docker: Docker,
  containerId: string,
  { networkId }: LocalBridge,
  signal: AbortSignal,
): Promise<string | null> {
  const inspect = () => docker.getContainer(containerId).inspect();
  const { NetworkSettings } = await callEngine("inspect the container", inspect, { signal });
  const joined = Object.values(NetworkSettings.Networks).find(({ NetworkID }) => NetworkID === networkId);
  return joined?.IPAddress || null;
}

/** Connects until the address accepts a connection, which is closed at once. @returns false when the signal aborts first. */
export async function untilAccepts(address: Address, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (await accepts(address, signal)) return true;
    await elapsed(retryMs, signal);
  }
  return false;
}

async function accepts({ host, port }: Address, signal: AbortSignal): Promise<boolean> {
  const socket = connect({ host, port, signal, timeout: connectLimitMs });
  socket.on("timeout", () => socket.destroy(new Error("the connection was not accepted in time")));
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
