// What goes over socket.io: what clients ask for, and the events they are sent. docs/protocol.md describes their order.

import { z } from "zod";
import { deploymentStatuses } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";

const count = z.int().min(0);
const name = z.string().min(1).max(200);

/** The `auth` of the handshake: an API token or a JWT. */
export const handshakeAuth = z.object({
  token: z
    .string()
    .min(1)
    .max(8 * 1024),
});

/** Follow an app, or one deployment of it from where the client broke off. Asked again, it takes the place of the former. */
export const subscribeRequest = z
  .strictObject({
    /** Name or id. */
    app: name,
    deployment: name.optional(),
    /** Number of the last line the client has. */
    afterSeq: count.optional(),
    /** Index of the last status the client has. */
    afterStatus: count.optional(),
  })
  .refine(({ deployment, afterSeq, afterStatus }) => deployment ?? (!afterSeq && !afterStatus), {
    error: "afterSeq and afterStatus need a deployment",
  });

export const unsubscribeRequest = z.strictObject({ app: name, deployment: name.optional() });

/** What a request is acknowledged with. `app` is the id that the events carry. */
export const subscriptionAnswer = z.union([
  z.object({ ok: z.literal(true), app: z.string(), deployment: z.string().nullable() }),
  z.object({ ok: z.literal(false), error: z.string(), code: z.string() }),
]);

const about = { app: z.string(), deployment: z.string() };

/** A deployment was created after the client came. */
export const newEvent = z.object({
  ...about,
  number: z.int(),
  gitRef: z.string().nullable(),
  createdAt: z.string(),
  pusher: z.object({ id: z.string(), username: z.string(), email: z.string() }),
});

export const statusEvent = z.object({
  ...about,
  status: z.enum(deploymentStatuses as [DeploymentStatus, ...DeploymentStatus[]]),
  /** Its place among the deployment's statuses, from 1. */
  index: z.int().min(1),
  attempt: count,
  at: z.string(),
});

/** Consecutive lines; `seq` is the number of the first. */
export const logEvent = z.object({ ...about, seq: z.int().min(1), lines: z.array(z.string()).min(1) });

/** The deployment is over and everything was sent: how many lines its log has, and their SHA-256, each with its newline. */
export const endEvent = z.object({ ...about, lineCount: count, sha256: z.string().nullable() });

/** A subscription ended by a failure of ours; subscribe again with what was received. */
export const lostEvent = z.object({
  app: z.string(),
  deployment: z.string().nullable(),
  error: z.string(),
  code: z.string(),
});

export type SubscriptionAnswer = z.infer<typeof subscriptionAnswer>;

/** Events by name, as socket.io's types take them. */
export interface ServerEvents {
  readonly new: (event: z.infer<typeof newEvent>) => void;
  readonly status: (event: z.infer<typeof statusEvent>) => void;
  readonly log: (event: z.infer<typeof logEvent>) => void;
  readonly end: (event: z.infer<typeof endEvent>) => void;
  readonly lost: (event: z.infer<typeof lostEvent>) => void;
}

type Answered = (answer: SubscriptionAnswer) => void;

/** Requests by name. What a client really sends is not known before it is parsed. */
export interface ClientEvents {
  readonly subscribe: (request: unknown, answer?: Answered) => void;
  readonly unsubscribe: (request: unknown, answer?: Answered) => void;
}
