// What BullMQ carries: ids only. The store has the rest.

import { z } from "zod";
import { notifiableEvents } from "@slipway/core";

const common = {
  appId: z.string(),
  /** The attempt the store knew when the job was made; BullMQ's count of starts is added to it. */
  attemptBase: z.int().min(0),
};

/** What an app's lane hands out: a deployment, or a restart or scaling. */
export const laneJob = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("deploy"),
    deploymentId: z.string(),
    /** Whose slots it takes. */
    ownerId: z.string(),
    ...common,
  }),
  z.object({ type: z.literal("operate"), operationId: z.string(), ...common }),
]);

export const upkeepJob = z.discriminatedUnion("type", [
  /** Look at every lane and every running deployment, and put right what a lost message or a dead worker left. */
  z.object({ type: z.literal("reconcile") }),
  /** Take away all that a deleted app has: containers, images, caches, documents. */
  z.object({ type: z.literal("remove-app"), appId: z.string() }),
  /** Remove uploaded archives that nobody will deploy any more, and old deliveries and operations. */
  z.object({ type: z.literal("clean-sources") }),
  /** Look where the running apps answer and what runs of them, and write it down where it changed. */
  z.object({ type: z.literal("observe-apps") }),
]);

/** An event that one notifier is to be told. */
export const notifyJob = z.object({
  /** Of the same event and notifier always the same. */
  deliveryId: z.string(),
  appId: z.string(),
  notifierId: z.string(),
  /** Empty for a test. */
  deploymentId: z.string(),
  event: z.enum([...notifiableEvents, "test"]),
  /** When it happened. */
  at: z.string(),
});

export type NotifyJob = z.infer<typeof notifyJob>;
export type LaneJob = z.infer<typeof laneJob>;
export type UpkeepJob = z.infer<typeof upkeepJob>;
