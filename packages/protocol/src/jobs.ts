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

/** What is left to do once an app's lane has gone on. Each may be repeated. */
export const housekeepingJob = z.discriminatedUnion("type", [
  /** Stop and remove a former rollout, as far as this attempt or one before started it. */
  z.object({
    type: z.literal("stop-rollout"),
    appId: z.string(),
    rolloutId: z.string(),
    attempt: z.int().min(0),
  }),
  /** Remove the app's unneeded images from the registry and from the releases' engine. */
  z.object({ type: z.literal("prune-images"), appId: z.string() }),
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
export type HousekeepingJob = z.infer<typeof housekeepingJob>;
export type UpkeepJob = z.infer<typeof upkeepJob>;
