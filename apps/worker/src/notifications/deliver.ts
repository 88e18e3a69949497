// Tells one event to one notifier, and writes down what came of it.

import { attempted } from "@slipway/core";
import type { App, Delivery, Deployment, Notifier } from "@slipway/core";
import type { NotifyJob } from "@slipway/protocol";
import type { Platform } from "../platform.ts";
import { setCommitStatus } from "./github.ts";
import { callWebhook } from "./webhook.ts";

/** What there is to tell. */
export interface News {
  readonly job: NotifyJob;
  readonly app: App;
  /** null for a test. */
  readonly deployment: Deployment | null;
}

/** What came of telling it. "void": it is none of the notifier's business. "refused": no use to try again. */
export type Outcome =
  | { readonly kind: "void" }
  | {
      readonly kind: "delivered" | "failed" | "refused";
      readonly status: number | null;
      readonly error: string | null;
    };

/** Rejects when it is to be tried again. */
export async function deliver(
  platform: Platform,
  job: NotifyJob,
  { isLast }: { readonly isLast: boolean },
): Promise<void> {
  const { store, now } = platform;
  const notifier = await store.notifiers.get(job.appId, job.notifierId);
  const app = await store.apps.get(job.appId);
  const gone = notifier === null || app === null || app.deletedAt !== null;
  if (gone || (!notifier.active && job.event !== "test")) return;
  const delivery = (await store.deliveries.get(job.deliveryId)) ?? newDelivery(job, now());
  if (delivery.state !== "pending") return;
  const deployment = job.event === "test" ? null : await store.deployments.get(job.deploymentId);
  const at = now();
  const outcome = await tell(platform, notifier, { job, app, deployment });
  if (outcome.kind === "void") return;
  const { kind, status, error } = outcome;
  const state = kind === "delivered" ? "delivered" : kind === "refused" || isLast ? "failed" : "pending";
  const durationMs = now().getTime() - at.getTime();
  await store.deliveries.put(attempted(delivery, { at, durationMs, status, error }, state));
  if (state === "pending") throw new Error(`delivery ${delivery.id}: ${error ?? `status ${status}`}`);
}

function tell(platform: Platform, { target }: Notifier, news: News): Promise<Outcome> {
  return target.platform === "webhook"
    ? callWebhook(platform, target, news)
    : setCommitStatus(platform, target, news);
}

function newDelivery(
  { deliveryId: id, notifierId, appId, deploymentId, event }: NotifyJob,
  createdAt: Date,
): Delivery {
  return { id, notifierId, appId, deploymentId, event, state: "pending", attempts: [], createdAt };
}
