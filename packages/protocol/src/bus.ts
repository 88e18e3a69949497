// What goes over Redis pub/sub: one channel per app for its followers, one for the workers, one for the routers.

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

/** A deployment's status changed. The store already holds it. */
export const statusMessage = z.object({
  type: z.literal("status"),
  deploymentId: z.string(),
  status: z.enum(deploymentStatuses as [DeploymentStatus, ...DeploymentStatus[]]),
  attempt: z.int(),
  /** Log lines that came before the change; null where that is not known. */
  lineCount: z.int().nullable(),
});

/** Consecutive log lines. The Redis Stream already holds them. */
export const logMessage = z.object({
  type: z.literal("log"),
  deploymentId: z.string(),
  firstSeq: z.int().min(1),
  /** The lines joined by newlines, none at the end: a batch of n lines holds n-1 newlines. */
  text: z.string(),
});

export const appMessage = z.discriminatedUnion("type", [newMessage, statusMessage, logMessage]);

/** To every worker: whoever runs the deployment ends it now. The store already says that it is aborted. */
export const controlMessage = z.object({ type: z.literal("abort"), deploymentId: z.string() });

/** To every router: what serves an app changed. The store already says so. */
export const routeMessage = z.object({
  appId: z.string(),
  /** When somebody waits for every router to have no request left on the app's other rollouts. */
  switch: z
    .object({
      rolloutId: z.string(),
      /** How long requests on the others may take to end; then they are cut off. */
      drainMs: z.int().min(0),
    })
    .optional(),
});

export type NewMessage = z.infer<typeof newMessage>;
export type StatusMessage = z.infer<typeof statusMessage>;
export type LogMessage = z.infer<typeof logMessage>;
export type AppMessage = z.infer<typeof appMessage>;
export type ControlMessage = z.infer<typeof controlMessage>;
export type RouteMessage = z.infer<typeof routeMessage>;
