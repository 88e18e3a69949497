// The JSON frames of the deployments WebSocket, compatible with Scalingo's clients.

import { z } from "zod";
import { deploymentStatuses } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";

/** A client's first frame. Later frames are ignored. */
export const authFrame = z.object({
  type: z.literal("auth"),
  data: z.object({
    token: z
      .string()
      .min(1)
      .max(8 * 1024),
    /** The client handles `rewind` frames. Without it a log line states that lines were replaced. */
    rewinds: z.boolean().optional(),
  }),
});

/** A deployment was created. The command-line client expects an object, every other client the id. */
export const newFrame = z.object({
  type: z.literal("new"),
  data: z.object({
    deployment: z.union([
      z.string(),
      z.object({
        id: z.string(),
        pusher: z.object({ id: z.string(), username: z.string(), email: z.string() }),
      }),
    ]),
  }),
});

/** One line of a deployment's log, without its newline. */
export const logFrame = z.object({
  type: z.literal("log"),
  id: z.string(),
  data: z.object({ content: z.string() }),
});

/** The lines after line `afterSeq` were replaced: the client drops its copies, and receives the replacements. Lines count from 1. */
export const rewindFrame = z.object({
  type: z.literal("rewind"),
  id: z.string(),
  data: z.object({ afterSeq: z.int().min(0) }),
});

/** The line that states what a rewind replaces, for outputs in which shown lines cannot be removed. */
export function rewindNotice(lineCount: number): string {
  const lines = lineCount === 1 ? "line is" : `${lineCount} lines are`;
  return ` !     A worker failed before its last lines were stored: the last ${lines} replaced by what follows`;
}

/** The deployment's status changed. */
export const statusFrame = z.object({
  type: z.literal("status"),
  id: z.string(),
  data: z.object({ status: z.enum(deploymentStatuses as [DeploymentStatus, ...DeploymentStatus[]]) }),
});

/** Keeps the connection open. `ts` is the sender's time in whole seconds since 1970. */
export const pingFrame = z.object({ type: z.literal("ping"), data: z.object({ ts: z.int() }) });

/** Any frame of the server. */
export const serverFrame = z.discriminatedUnion("type", [
  newFrame,
  logFrame,
  rewindFrame,
  statusFrame,
  pingFrame,
]);

export type AuthFrame = z.infer<typeof authFrame>;
export type NewFrame = z.infer<typeof newFrame>;
export type LogFrame = z.infer<typeof logFrame>;
export type RewindFrame = z.infer<typeof rewindFrame>;
export type StatusFrame = z.infer<typeof statusFrame>;
export type PingFrame = z.infer<typeof pingFrame>;
export type ServerFrame = z.infer<typeof serverFrame>;
