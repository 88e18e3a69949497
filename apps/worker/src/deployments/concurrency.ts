// Computes the default concurrency of a worker: the number of builds that its share of the engine can hold.

import type { EngineCapacity } from "@slipway/core";

/** The remaining memory is for the engine, the releases on it, and the machine. */
const memoryShare = 0.75;
/** Above this value other resources, such as disks, are the bottleneck. */
const maxDefault = 16;

/** The limits of one build, and the number of workers that build on the same engine. */
export interface BuildShare {
  readonly build: { readonly cpus: number; readonly memoryBytes: number };
  readonly engine: { readonly workers: number };
}

/** @returns at least 1: an engine that is smaller than a build's limits still runs one build at a time. */
export function defaultConcurrency(capacity: EngineCapacity, { build, engine }: BuildShare): number {
  const byCpus = capacity.cpus / build.cpus;
  const byMemory = (capacity.memoryBytes * memoryShare) / build.memoryBytes;
  const ofThisWorker = Math.floor(Math.min(byCpus, byMemory) / engine.workers);
  return Math.min(Math.max(ofThisWorker, 1), maxDefault);
}
