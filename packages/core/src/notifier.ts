// Notifiers: who is told of what becomes of an app's deployments, and what came of each telling.

import { isFinal } from "./deployment.ts";
import type { Deployment, StatusChange } from "./deployment.ts";

/** What one can be told of. Each happens at most once to a deployment, however often it is tried again. */
export const notifiableEvents = [
  "deployment_queued",
  "deployment_started",
  "deployment_succeeded",
  "deployment_failed",
  "deployment_aborted",
] as const;
export type NotifiableEvent = (typeof notifiableEvents)[number];

/** How one is told: a signed request to a URL, or a status on the commit that a GitHub archive is of. */
export const notifierPlatforms = ["webhook", "github"] as const;

export type NotifierTarget =
  | { readonly platform: "webhook"; readonly url: string; readonly secret: string }
  | { readonly platform: "github"; readonly token: string };

export interface Notifier {
  readonly id: string;
  readonly appId: string;
  readonly name: string;
  readonly active: boolean;
  readonly target: NotifierTarget;
  /** null for all there are, also those of later versions. */
  readonly events: readonly NotifiableEvent[] | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Grows by one with every stored change. */
  readonly revision: number;
}

/** One attempt to tell a notifier. */
export interface DeliveryAttempt {
  readonly at: Date;
  readonly durationMs: number;
  /** The HTTP status it was answered with; null when there was no answer. */
  readonly status: number | null;
  /** What went wrong, without anything of the URL but its host; null when nothing did. */
  readonly error: string | null;
}

/** The telling of one event to one notifier. */
export interface Delivery {
  /** The notifier's id and the event's: an event is told to each notifier once. */
  readonly id: string;
  readonly notifierId: string;
  readonly appId: string;
  readonly deploymentId: string;
  /** "test" for one that was asked for to see whether it arrives. */
  readonly event: NotifiableEvent | "test";
  readonly state: "pending" | "delivered" | "failed";
  /** The latest ones, oldest first. */
  readonly attempts: readonly DeliveryAttempt[];
  readonly createdAt: Date;
}

/** Most notifiers of one app. */
export const maxNotifiers = 20;
/** Most attempts that a delivery remembers. */
export const maxAttemptsKept = 20;

/** Something that happened to a deployment, once. */
export interface DeploymentEvent {
  /** Of the same happening always the same. */
  readonly id: string;
  readonly event: NotifiableEvent;
  readonly at: Date;
}

/** What has happened to a deployment so far, in order: the first time it was queued and started, and its end. */
export function eventsOf(deployment: Deployment): DeploymentEvent[] {
  const seen = new Set<NotifiableEvent>();
  return deployment.history.flatMap((change) => {
    const event = eventOf(change);
    if (event === null || seen.has(event)) return [];
    seen.add(event);
    return [{ id: `${deployment.id}.${event}`, event, at: change.at }];
  });
}

function eventOf({ status }: StatusChange): NotifiableEvent | null {
  if (status === "queued") return "deployment_queued";
  if (status === "building") return "deployment_started";
  if (!isFinal(status)) return null;
  if (status === "success") return "deployment_succeeded";
  return status === "aborted" ? "deployment_aborted" : "deployment_failed";
}

/** Whether the notifier wants to be told. What happened before it was made is none of its business. */
export function wants({ active, events, createdAt }: Notifier, happened: DeploymentEvent): boolean {
  return active && happened.at >= createdAt && (events === null || events.includes(happened.event));
}

/** The delivery after one more attempt. */
export function attempted(delivery: Delivery, attempt: DeliveryAttempt, state: Delivery["state"]): Delivery {
  return { ...delivery, state, attempts: [...delivery.attempts, attempt].slice(-maxAttemptsKept) };
}
