// Chooses a port on the engine's host for a release, and detects the engine's error for a port in use.

import { randomInt } from "node:crypto";
import type Docker from "dockerode";
import { hostPortLabel } from "./container-config.ts";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Below the range that systems use for outgoing connections, so that these do not occupy the ports. */
export const defaultPortRange: PortRange = { first: 20_000, last: 29_999 };

/**
 * Chooses a random port that no container on the engine uses, running or not: other processes choose at the same time, and a
 * stopped container needs its port when it restarts. The engine refuses ports that services of the host use.
 * @param refused ports that the engine has refused.
 * @returns null when all ports of the range are in use.
 */
export function chooseHostPort(
  containers: readonly Pick<Docker.ContainerInfo, "Ports" | "Labels">[],
  refused: ReadonlySet<number>,
  range: PortRange = defaultPortRange,
): number | null {
  const taken = new Set(refused);
  for (const { Ports, Labels } of containers) {
    taken.add(Number(Labels[hostPortLabel]));
    for (const { PublicPort } of Ports) taken.add(PublicPort);
  }
  const count = range.last - range.first + 1;
  const start = randomInt(count);
  for (let step = 0; step < count; step += 1) {
    const port = range.first + ((start + step) % count);
    if (!taken.has(port)) return port;
  }
  return null;
}

/** Whether a container did not start because its port is in use. The engine has no specific status for this error. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && /port is already allocated|address already in use/.test(error.message);
}
