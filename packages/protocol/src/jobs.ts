// What BullMQ carries: ids only. The store has the rest.

import { z } from "zod";

export const deployJob = z.object({
  deploymentId: z.string(),
  appId: z.string(),
  /** Whose slots it takes. */
  ownerId: z.string(),
  /** The attempt the store knew when the job was made; BullMQ's count of starts is added to it. */
  attemptBase: z.int().min(0),
});

export const upkeepJob = z.discriminatedUnion("type", [
  /** Look at every lane and every running deployment, and put right what a lost message or a dead worker left. */
  z.object({ type: z.literal("reconcile") }),
  /** Take away all that a deleted app has: containers, images, caches, documents. */
  z.object({ type: z.literal("remove-app"), appId: z.string() }),
  /** Remove uploaded archives that nobody will deploy any more. */
  z.object({ type: z.literal("clean-sources") }),
]);

export type DeployJob = z.infer<typeof deployJob>;
export type UpkeepJob = z.infer<typeof upkeepJob>;
