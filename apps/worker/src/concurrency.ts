// How many deployments a worker runs at a time when nobody says: as many builds as its share of the engine holds.

import type { EngineCapacity } from "@slipway/core";

/** The rest is the engine's own, the releases' that run on it, and the machine's. */
const memoryShare = 0.75;
/** Beyond it other things than processors and memory, disks for one, are what is short. */
const mostByDefault = 16;

/** What one build may take, and how many workers build on the same engine. */
export interface BuildShare {
  readonly buildCpus: number;
  readonly buildMemoryBytes: number;
  readonly engineWorkers: number;
}

/** @returns at least 1: an engine smaller than a build's bounds still builds one at a time. */
export function defaultConcurrency(capacity: EngineCapacity, share: BuildShare): number {
  const byCpus = capacity.cpus / share.buildCpus;
  const byMemory = (capacity.memoryBytes * memoryShare) / share.buildMemoryBytes;
  const ofThisWorker = Math.floor(Math.min(byCpus, byMemory) / share.engineWorkers);
  return Math.min(Math.max(ofThisWorker, 1), mostByDefault);
}
