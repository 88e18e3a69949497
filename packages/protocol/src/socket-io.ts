// The socket.io protocol: the requests of clients and the events of the server. docs/protocol.md describes their order.

import { z } from "zod";
import { deploymentStatuses } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";

const count = z.int().min(0);
const name = z.string().min(1).max(200);

/** The handshake's `auth` with an API token or a JWT. */
export const handshakeAuth = z.object({
  token: z
    .string()
    .min(1)
    .max(8 * 1024),
});

/** Follows an app, or one deployment from the given position. Replaces an earlier subscription to the same app or deployment. */
export const subscribeRequest = z
  .strictObject({
    /** Name or id. */
    app: name,
    deployment: name.optional(),
    /** Number of the last line that the client has. */
    afterSeq: count.optional(),
    /** Index of the last status that the client has. */
    afterStatus: count.optional(),
  })
  .refine(({ deployment, afterSeq, afterStatus }) => deployment ?? (!afterSeq && !afterStatus), {
    error: "afterSeq and afterStatus need a deployment",
  });

export const unsubscribeRequest = z.strictObject({ app: name, deployment: name.optional() });

/** The acknowledgement of a request. `app` and `deployment` are the ids in the events. */
export const subscriptionAnswer = z.union([
  z.object({ ok: z.literal(true), app: z.string(), deployment: z.string().nullable() }),
  z.object({ ok: z.literal(false), error: z.string(), code: z.string() }),
]);

const ids = { app: z.string(), deployment: z.string() };

/** A deployment was created after the client subscribed. */
export const newEvent = z.object({
  ...ids,
  number: z.int(),
  gitRef: z.string().nullable(),
  createdAt: z.string(),
  pusher: z.object({ id: z.string(), username: z.string(), email: z.string() }),
});

export const statusEvent = z.object({
  ...ids,
  status: z.enum(deploymentStatuses as [DeploymentStatus, ...DeploymentStatus[]]),
  /** Its position among the deployment's statuses, from 1. */
  index: z.int().min(1),
  attempt: count,
  at: z.string(),
});

/** Consecutive lines; `seq` is the number of the first line, `at` the time when it was written. */
export const logEvent = z.object({
  ...ids,
  seq: z.int().min(1),
  at: z.string().nullable(),
  lines: z.array(z.string()).min(1),
});

/** The lines after line `afterSeq` were replaced: the client drops its copies, and receives the replacements. */
export const rewindEvent = z.object({ ...ids, afterSeq: count });

/** A phase began or ended after the client subscribed. Earlier phases are in the deployment's timeline. */
export const phaseEvent = z.object({
  ...ids,
  attempt: count,
  name: z.string(),
  state: z.enum(["started", "finished"]),
  at: z.string(),
  outcome: z.enum(["success", "failed"]).nullable(),
  bytes: z.int().nullable(),
  reused: z.array(z.string()),
  lineCount: count,
});

/** The deployment has ended and all its events were sent. `sha256` is the hash of the log's lines, each with its newline. */
export const endEvent = z.object({ ...ids, lineCount: count, sha256: z.string().nullable() });

/** A subscription ended because the server failed or the user lost the permission. After a failure the client can resume. */
export const lostEvent = z.object({
  app: z.string(),
  deployment: z.string().nullable(),
  error: z.string(),
  code: z.string(),
});

export type SubscriptionAnswer = z.infer<typeof subscriptionAnswer>;

/** Event handlers by event name, for socket.io's types. */
export interface ServerEvents {
  readonly new: (event: z.infer<typeof newEvent>) => void;
  readonly status: (event: z.infer<typeof statusEvent>) => void;
  readonly log: (event: z.infer<typeof logEvent>) => void;
  readonly rewind: (event: z.infer<typeof rewindEvent>) => void;
  readonly phase: (event: z.infer<typeof phaseEvent>) => void;
  readonly end: (event: z.infer<typeof endEvent>) => void;
  readonly lost: (event: z.infer<typeof lostEvent>) => void;
}

type Acknowledge = (answer: SubscriptionAnswer) => void;

/** Request handlers by event name. The requests are unvalidated. */
export interface ClientEvents {
  readonly subscribe: (request: unknown, acknowledge?: Acknowledge) => void;
  readonly unsubscribe: (request: unknown, acknowledge?: Acknowledge) => void;
}
