// Notifiers: receivers of an app's deployment events, and the deliveries to them.

import { isFinal } from "./deployment-status.ts";
import type { Deployment, StatusChange } from "./deployment.ts";

/** Events that a notifier can receive. Each occurs at most once per deployment, regardless of retries. */
export const notifiableEvents = [
  "deployment_queued",
  "deployment_started",
  "deployment_succeeded",
  "deployment_failed",
  "deployment_aborted",
] as const;
export type NotifiableEvent = (typeof notifiableEvents)[number];

/** How a notifier receives events: as a signed request to a URL, or as a GitHub status of the deployed commit. */
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
  /** The events to send; null for all, including those that later versions add. */
  readonly events: readonly NotifiableEvent[] | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Incremented by every stored change. */
  readonly revision: number;
}

/** One attempt to send an event to a notifier. */
export interface DeliveryAttempt {
  readonly at: Date;
  readonly durationMs: number;
  /** The response's HTTP status; null without a response. */
  readonly status: number | null;
  /** Why the attempt failed; null when it succeeded. Of the URL it contains only the host. */
  readonly error: string | null;
}

/** Sending one event to one notifier, with all retries. */
export interface Delivery {
  /** The notifier's id and the event's id, so an event has at most one delivery per notifier. */
  readonly id: string;
  readonly notifierId: string;
  readonly appId: string;
  readonly deploymentId: string;
  /** "test" for a delivery that a user requested to check the notifier. */
  readonly event: NotifiableEvent | "test";
  readonly state: "pending" | "delivered" | "failed";
  /** The latest attempts, oldest first, at most `maxAttemptsKept`. */
  readonly attempts: readonly DeliveryAttempt[];
  readonly createdAt: Date;
}

/** Maximum number of notifiers per app. */
export const maxNotifiers = 20;
/** Maximum number of attempts stored in a delivery. */
export const maxAttemptsKept = 20;

/** An event of a deployment, which occurs at most once. */
export interface DeploymentEvent {
  /** Derived from deployment and event, so it is the same each time the event is computed. */
  readonly id: string;
  readonly event: NotifiableEvent;
  readonly at: Date;
}

/** The deployment's events so far, in order: first queued, first started, and ended. */
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

/** Whether the notifier is to receive the event: not when it is inactive, or was created after the event. */
export function wantsEvent({ active, events, createdAt }: Notifier, { at, event }: DeploymentEvent): boolean {
  return active && at >= createdAt && (events === null || events.includes(event));
}

/** Returns the delivery with the attempt added, in its new state. */
export function addAttempt(delivery: Delivery, attempt: DeliveryAttempt, state: Delivery["state"]): Delivery {
  return { ...delivery, state, attempts: [...delivery.attempts, attempt].slice(-maxAttemptsKept) };
}
