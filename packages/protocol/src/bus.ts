// Messages on Redis pub/sub: each app has a channel for its followers; workers and routers have one each.

import { z } from "zod";
import { deploymentStatuses } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";

const pusher = z.object({ id: z.string(), username: z.string(), email: z.string() });

/** A deployment was created. */
export const newMessage = z.object({
  type: z.literal("new"),
  deploymentId: z.string(),
  number: z.int(),
  gitRef: z.string().nullable(),
  pusher,
});

/** A deployment's status changed. The store already contains the change. */
export const statusMessage = z.object({
  type: z.literal("status"),
  deploymentId: z.string(),
  status: z.enum(deploymentStatuses as [DeploymentStatus, ...DeploymentStatus[]]),
  attempt: z.int(),
  /** The number of log lines before the change; null when it is unknown. */
  lineCount: z.int().nullable(),
});

/** Consecutive log lines. The Redis stream already contains them. */
export const logMessage = z.object({
  type: z.literal("log"),
  deploymentId: z.string(),
  firstSeq: z.int().min(1),
  /** The lines joined by newlines, without a trailing newline: n lines contain n-1 newlines. */
  text: z.string(),
  /** When the first of the lines was written, in milliseconds since 1970. Workers of the previous version do not send it. */
  at: z.int().optional(),
  /** The attempt that wrote the lines, and the number of the last line before its first one. The previous version sends neither. */
  attempt: z.int().optional(),
  startsAfter: z.int().min(0).optional(),
});

/** A phase began or ended. This is a hint: the store has the phase after the deployment's next change, or some seconds later. */
export const phaseMessage = z.object({
  type: z.literal("phase"),
  deploymentId: z.string(),
  attempt: z.int(),
  name: z.string(),
  state: z.enum(["started", "finished"]),
  at: z.iso.datetime(),
  /** Null for a start. */
  outcome: z.enum(["success", "failed"]).nullable(),
  bytes: z.int().nullable(),
  reused: z.array(z.string()),
  /** Number of log lines before the phase began or ended. */
  lineCount: z.int(),
});

export const appMessage = z.discriminatedUnion("type", [newMessage, statusMessage, logMessage, phaseMessage]);

/** To all workers: the worker that runs the deployment must stop it. The store already contains the status "aborted". */
export const controlMessage = z.object({ type: z.literal("abort"), deploymentId: z.string() });

/** To all workers: this worker's requests in Redis have changed. */
export const workerMessage = z.object({ workerId: z.string() });

/** To all routers: an app's rollout or instances changed. The store already contains the change. */
export const routeMessage = z.object({
  appId: z.string(),
  /** Set when a worker waits for the cutover: every router must confirm that the app's other rollouts have no requests. */
  switch: z
    .object({
      rolloutId: z.string(),
      /** Requests on the other rollouts are aborted after this time. */
      drainMs: z.int().min(0),
    })
    .optional(),
});

export type NewMessage = z.infer<typeof newMessage>;
export type StatusMessage = z.infer<typeof statusMessage>;
export type PhaseMessage = z.infer<typeof phaseMessage>;
export type LogMessage = z.infer<typeof logMessage>;
export type AppMessage = z.infer<typeof appMessage>;
export type ControlMessage = z.infer<typeof controlMessage>;
export type WorkerMessage = z.infer<typeof workerMessage>;
export type RouteMessage = z.infer<typeof routeMessage>;
