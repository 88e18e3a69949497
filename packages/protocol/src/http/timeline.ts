// The response body of a deployment's timeline.

import { z } from "zod";
import { deploymentStatuses } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";

const time = z.string();

export const waitReasons = [
  "app-busy",
  "owner-slots",
  "build-slots",
  "operation-slots",
  "no-worker",
  "queue-paused",
] as const;

export const waitBody = z.object({
  /**
   * The reason for waiting: an earlier deployment or an operation of the app, a slot of the owner, a build slot of the fleet, a slot
   * for operations (a deployment of an earlier release), no worker at all, or an operator who paused the queue.
   */
  reason: z.enum(waitReasons),
  /** The app's deployment that it waited for. */
  deployment_id: z.string().nullable(),
  started_at: time,
  /** Null while it waits. */
  finished_at: time.nullable(),
});

export const phaseBody = z.object({
  name: z.string(),
  started_at: time,
  finished_at: time.nullable(),
  /** Bytes that were transferred; null where bytes are not counted. */
  bytes: z.int().nullable(),
  /** Results of earlier deployments that the phase reused, for example `dependencies`. */
  reused: z.array(z.string()),
  /** Null while it runs, and for a phase that its attempt did not end. */
  outcome: z.enum(["success", "failed"]).nullable(),
});

export const attemptBody = z.object({
  number: z.int(),
  worker: z.string().nullable(),
  /** State of the worker of a running attempt. "lost": the worker sends no heartbeats. Null when it is unknown, and after the end. */
  worker_state: z.enum(["ready", "draining", "lost"]).nullable(),
  /** When a running attempt's worker sent its last heartbeat; null as above. */
  worker_seen_at: time.nullable(),
  /** Address of the worker's engine; null for users who are not operators. */
  engine: z.string().nullable(),
  started_at: time,
  finished_at: time.nullable(),
  /** "requeued": the worker stopped; "lost": the worker died. Null while the attempt runs. */
  outcome: z.enum(["success", "failed", "requeued", "lost"]).nullable(),
  /** In the order of their starts. Phases may overlap. */
  phases: z.array(phaseBody),
});

export const timelineAnswer = z.object({
  timeline: z.object({
    deployment_id: z.string(),
    /** Id of the deployment's trace in OpenTelemetry; null when the API sends no traces. */
    trace_id: z.string().nullable(),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    status: z.enum(deploymentStatuses as [DeploymentStatus, ...DeploymentStatus[]]),
    waits: z.array(waitBody),
    /** The latest attempts, oldest first. */
    attempts: z.array(attemptBody),
  }),
});

export type WaitReason = (typeof waitReasons)[number];
export type WaitBody = z.infer<typeof waitBody>;
export type PhaseBody = z.infer<typeof phaseBody>;
export type AttemptBody = z.infer<typeof attemptBody>;
export type TimelineAnswer = z.infer<typeof timelineAnswer>;
