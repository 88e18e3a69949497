// The record that a worker announces in Redis with each heartbeat, for operators to see.

import { z } from "zod";

const run = { appId: z.string(), attempt: z.int(), since: z.iso.datetime() };

export const workerRecord = z.object({
  /** Id of the process; it changes with a restart. */
  id: z.string(),
  /** E.g. `worker-1`. */
  name: z.string(),
  /** The machine's host name. */
  host: z.string(),
  pid: z.int(),
  version: z.string(),
  startedAt: z.iso.datetime(),
  /** Time between heartbeats, in milliseconds. */
  heartbeatMs: z.int().positive(),
  state: z.enum(["ready", "draining"]),
  /** Maximum number of concurrent deployments. */
  concurrency: z.int().positive(),
  /** Maximum number of concurrent operations, in addition to deployments. Workers of the previous version do not report it. */
  operationConcurrency: z.int().min(0).default(0),
  /** Build slots in use. Workers of the previous version do not report it: each of their deployments uses one. */
  building: z.int().min(0).optional(),
  /** The engine on which its builds run. */
  engine: z.object({
    address: z.string(),
    cpus: z.number(),
    memoryBytes: z.int(),
  }),
  running: z.array(
    z.union([z.object({ deploymentId: z.string(), ...run }), z.object({ operationId: z.string(), ...run })]),
  ),
});

export type WorkerRecord = z.infer<typeof workerRecord>;
