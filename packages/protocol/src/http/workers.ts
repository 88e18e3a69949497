// The response body of GET /v1/workers, for operators.

import { z } from "zod";

const run = z.object({
  id: z.string(),
  app_id: z.string(),
  /** Null when the app was deleted. */
  app_name: z.string().nullable(),
  attempt: z.int(),
  since: z.string(),
});

export const workerBody = z.object({
  id: z.string(),
  name: z.string(),
  host: z.string(),
  pid: z.int(),
  version: z.string(),
  /** "lost": the worker has missed its heartbeats. It may return. */
  state: z.enum(["ready", "draining", "lost"]),
  /** Number of build slots. */
  concurrency: z.int(),
  /** Build slots in use; of a lost worker, at its last heartbeat. */
  building: z.int(),
  /** Maximum number of concurrent operations and deployments without a build; 0 for a worker of an older version. */
  operation_concurrency: z.int(),
  engine: z.object({ address: z.string(), cpus: z.number(), memory_bytes: z.int() }),
  started_at: z.string(),
  last_seen_at: z.string(),
  /** The deployments that the worker ran at its last heartbeat. Other workers take over those of a lost worker. */
  deployments: z.array(run),
  /** The operations that it ran at its last heartbeat. */
  operations: z.array(run),
});

export const workersAnswer = z.object({ workers: z.array(workerBody) });

export const changeWorkerRequest = z
  .object({
    worker: z.object({
      /** Whether the worker takes no more deployments and operations. Running ones continue. */
      draining: z.boolean(),
    }),
  })
  .meta({ examples: [{ worker: { draining: true } }] });

export const workerAnswer = z.object({ worker: workerBody });

export type WorkerAnswer = z.infer<typeof workerAnswer>;
export type WorkerBody = z.infer<typeof workerBody>;
export type WorkersAnswer = z.infer<typeof workersAnswer>;
