// The payloads of BullMQ jobs. They contain ids; all other data is in the store.

import { z } from "zod";
import { notifiableEvents } from "@slipway/core";

const common = {
  appId: z.string(),
  /** The attempt in the store when the job was created. The current attempt is this plus BullMQ's count of starts. */
  attemptBase: z.int().min(0),
};

/** A job of an app's lane: a deployment, or an operation (restart or scale). */
export const laneJob = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("deploy"),
    deploymentId: z.string(),
    /** The user whose slots the job uses. */
    ownerId: z.string(),
    /** Whether it needs a build slot. Jobs of the previous version lack this field. */
    builds: z.boolean().default(true),
    ...common,
  }),
  z.object({ type: z.literal("operate"), operationId: z.string(), ...common }),
]);

/** Periodic work over all apps, and the removal of a deleted app. Each job is idempotent. */
export const maintenanceJob = z.discriminatedUnion("type", [
  /** Reconciles every lane and every running deployment after lost messages and worker failures. */
  z.object({ type: z.literal("reconcile") }),
  /** Removes all resources of a deleted app: containers, images, caches, documents. */
  z.object({ type: z.literal("remove-app"), appId: z.string() }),
  /** Removes uploaded archives that are no longer needed, and old deliveries and operations. */
  z.object({ type: z.literal("clean-sources") }),
  /** Observes the addresses and instances of running apps, and stores changes. */
  z.object({ type: z.literal("observe-apps") }),
  z.object({ type: z.literal("limit-files") }),
  z.object({ type: z.literal("sweep-rollouts") }),
]);

/** Work for an app that runs outside its lane, on any worker. Each job is idempotent. */
export const housekeepingJob = z.discriminatedUnion("type", [
  /** Stops and removes a former rollout if this attempt or an earlier one started it. */
  z.object({
    type: z.literal("stop-rollout"),
    appId: z.string(),
    rolloutId: z.string(),
    attempt: z.int().min(0),
  }),
  /** Promotes the app's current rollout, so that the engine restarts its instances, if the deployment or operation did not. */
  z.object({ type: z.literal("promote-rollout"), appId: z.string(), rolloutId: z.string() }),
  /** Removes the app's unneeded images from the registry and from the releases' engine. */
  z.object({ type: z.literal("prune-images"), appId: z.string() }),
]);

/** The delivery of an event to one notifier. */
export const notifyJob = z.object({
  /** Always the same id for the same event and notifier. */
  deliveryId: z.string(),
  appId: z.string(),
  notifierId: z.string(),
  /** Empty for the event "test". */
  deploymentId: z.string(),
  event: z.enum([...notifiableEvents, "test"]),
  /** When the event happened. */
  at: z.string(),
});

export type NotifyJob = z.infer<typeof notifyJob>;
export type LaneJob = z.infer<typeof laneJob>;
export type HousekeepingJob = z.infer<typeof housekeepingJob>;
export type MaintenanceJob = z.infer<typeof maintenanceJob>;
