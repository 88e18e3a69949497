// Computes the default concurrency of a worker: the number of builds that its share of the engine can hold.

import type { EngineCapacity } from "@slipway/core";

/** The rest is left to the engine, the releases on it, and the machine. */
const memoryShare = 0.75;
/** Above it other resources, such as disks, are the bottleneck. */
const maxDefault = 16;

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
  return Math.min(Math.max(ofThisWorker, 1), maxDefault);
}
