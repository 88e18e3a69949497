// Finds the phases of the running deployments and their durations: a phase that does not end shows where deployments are stuck.

import type { Deployment } from "@slipway/core";

/** Stands for the phase of a running deployment without a stored phase: between two phases, and during a short one. */
const noPhase = "none";

/** @returns the phases of running deployments, each with the seconds since the earliest of them began. */
export function runningPhases(running: readonly Deployment[], now: Date): ReadonlyMap<string, number> {
  const oldest = new Map<string, number>();
  for (const deployment of running) {
    for (const { name, since } of phasesOf(deployment)) {
      const seconds = Math.max(0, (now.getTime() - since.getTime()) / 1e3);
      oldest.set(name, Math.max(seconds, oldest.get(name) ?? 0));
    }
  }
  return oldest;
}

function phasesOf({ timeline, createdAt }: Deployment): readonly { name: string; since: Date }[] {
  const attempt = timeline.at(-1);
  if (attempt === undefined) return [{ name: noPhase, since: createdAt }];
  const open = attempt.phases.filter(({ finishedAt }) => finishedAt === null);
  if (open.length > 0) return open.map(({ name, startedAt }) => ({ name, since: startedAt }));
  const ends = attempt.phases.map(({ finishedAt }) => finishedAt?.getTime() ?? 0);
  return [{ name: noPhase, since: new Date(Math.max(attempt.startedAt.getTime(), ...ends)) }];
}
