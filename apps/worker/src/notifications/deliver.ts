// Delivers one event to one notifier, and stores the outcome.

import { addAttempt } from "@slipway/core";
import type { Delivery, Notifier, Store } from "@slipway/core";
import type { NotifyJob } from "@slipway/protocol";
import { setCommitStatus } from "./github.ts";
import type { GithubContext } from "./github.ts";
import type { Notification, Outcome } from "./notification.ts";
import { callWebhook } from "./webhook.ts";
import type { WebhookContext } from "./webhook.ts";

type SendContext = GithubContext & WebhookContext;
export type DeliverContext = SendContext & {
  readonly store: Pick<Store, "apps" | "deployments" | "deliveries" | "notifiers">;
};

/** Rejects when the delivery has to be retried. */
export async function deliver(
  context: DeliverContext,
  job: NotifyJob,
  { isLast }: { readonly isLast: boolean },
): Promise<void> {
  const { store, now } = context;
  const notifier = await store.notifiers.get(job.appId, job.notifierId);
  const app = await store.apps.get(job.appId);
  const gone = notifier === null || app === null || app.deletedAt !== null;
  if (gone || (!notifier.active && job.event !== "test")) return;
  const delivery = (await store.deliveries.get(job.deliveryId)) ?? newDelivery(job, now());
  if (delivery.state !== "pending") return;
  const deployment = job.event === "test" ? null : await store.deployments.get(job.deploymentId);
  const at = now();
  const outcome = await send(context, notifier, { job, app, deployment });
  if (outcome.kind === "void") return;
  const { kind, status, error } = outcome;
  const state = kind === "delivered" ? "delivered" : kind === "refused" || isLast ? "failed" : "pending";
  const durationMs = now().getTime() - at.getTime();
  await store.deliveries.put(addAttempt(delivery, { at, durationMs, status, error }, state));
  if (state === "pending") throw new Error(`delivery ${delivery.id}: ${error ?? `status ${status}`}`);
}

function send(context: SendContext, { target }: Notifier, notification: Notification): Promise<Outcome> {
  return target.platform === "webhook"
    ? callWebhook(context, target, notification)
    : setCommitStatus(context, target, notification);
}

function newDelivery(
  { deliveryId: id, notifierId, appId, deploymentId, event }: NotifyJob,
  createdAt: Date,
): Delivery {
  return { id, notifierId, appId, deploymentId, event, state: "pending", attempts: [], createdAt };
}
