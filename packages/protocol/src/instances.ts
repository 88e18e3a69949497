// An app's instances as last observed on the engine by a worker, stored in Redis for processes without access to the engine.

import { z } from "zod";

export const instancesSeen = z.object({
  /** RFC 3339. */
  seenAt: z.string(),
  instances: z.array(
    z.object({
      id: z.string(),
      releaseId: z.string(),
      processType: z.string(),
      /** From 1. */
      index: z.int(),
      state: z.enum(["starting", "running", "restarting", "stopped"]),
      createdAt: z.string(),
      memoryBytes: z.number(),
      cpus: z.number(),
      /** Null when Slipway did not restart the instance. */
      restartReason: z.string().nullable().default(null),
    }),
  ),
});

export type InstancesSeen = z.infer<typeof instancesSeen>;
