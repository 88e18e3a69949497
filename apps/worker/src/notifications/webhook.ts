// Notifies by a signed POST request. The body is an event in the format of Scalingo's API. The signature follows
// https://www.standardwebhooks.com, which has libraries for receivers.

import { createHmac } from "node:crypto";
import { durationSeconds } from "@slipway/core";
import type { NotifierTarget } from "@slipway/core";
import { requestUrl } from "@slipway/outbound";
import type { WorkerConfig } from "../config.ts";
import type { Notification, Outcome } from "./notification.ts";

export interface WebhookContext {
  readonly config: Pick<WorkerConfig, "allowedPrivateHosts">;
  readonly now: () => Date;
}

/** Status of a receiver that no longer exists. */
const gone = 410;

/** Sends one signed event. */
export async function callWebhook(
  { config, now }: WebhookContext,
  { url, secret }: NotifierTarget & { platform: "webhook" },
  notification: Notification,
): Promise<Outcome> {
  const body = JSON.stringify(eventBody(notification));
  const timestamp = String(Math.floor(now().getTime() / 1000));
  const { status, error } = await requestUrl(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": notification.job.deliveryId,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${signature(secret, [notification.job.deliveryId, timestamp, body])}`,
    },
    body,
    allowedPrivateHosts: config.allowedPrivateHosts,
    signal: new AbortController().signal,
  });
  if (status === null) return { kind: "failed", status, error };
  if (status >= 200 && status < 300) return { kind: "delivered", status, error: null };
  return {
    kind: status === gone ? "refused" : "failed",
    status,
    error: `answered with status ${status}`,
  };
}

/** @param secret `whsec_` followed by the key in Base64. */
function signature(secret: string, parts: readonly string[]): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return createHmac("sha256", key).update(parts.join(".")).digest("base64");
}

function eventBody({ job, app, deployment }: Notification) {
  const about = {
    id: job.deliveryId,
    type: job.event,
    created_at: job.at,
    app_id: app.id,
    app_name: app.name,
  };
  if (deployment === null) return { ...about, type_data: {} };
  return {
    ...about,
    user: { ...deployment.pusher },
    type_data: {
      deployment_id: deployment.id,
      status: deployment.status,
      git_ref: deployment.gitRef,
      previous_git_ref: deployment.previousGitRef,
      duration: durationSeconds(deployment),
      image: deployment.image,
      failure: deployment.failure === null ? null : { ...deployment.failure },
    },
  };
}
