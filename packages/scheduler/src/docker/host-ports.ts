// Chooses a port on the engine's host for a release, and detects the engine's error for a port in use.

import { randomInt } from "node:crypto";
import type Docker from "dockerode";
import { hostPortLabel } from "./container-config.ts";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Below the range that systems take ports for outgoing connections from, so that those do not get in the way. */
const defaultPortRange: PortRange = { first: 20_000, last: 29_999 };

/**
 * One at random that no container on the engine has, running or not: others choose at the same time, and a stopped one
 * will want its own again. The host's own services are not known; the engine refuses what they hold.
 * @returns null when none is left.
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

/** Whether a container did not start because its port is in use. The engine has no code for it. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && /port is already allocated|address already in use/.test(error.message);
}
