// Presents notifiers, without their secrets, and deliveries.

import type { Delivery, Notifier } from "@slipway/core";
import type { DeliveryBody, NotifierBody } from "@slipway/protocol";

export function presentNotifier({ target, events, ...notifier }: Notifier): NotifierBody {
  return {
    id: notifier.id,
    app_id: notifier.appId,
    created_at: notifier.createdAt.toISOString(),
    updated_at: notifier.updatedAt.toISOString(),
    name: notifier.name,
    active: notifier.active,
    type: target.platform,
    platform_id: target.platform,
    send_all_alerts: false,
    send_all_events: events === null,
    selected_event_ids: [...(events ?? [])],
    type_data: target.platform === "webhook" ? { webhook_url: target.url } : {},
  };
}

export function presentDelivery(delivery: Delivery): DeliveryBody {
  return {
    id: delivery.id,
    event: delivery.event,
    deployment_id: delivery.deploymentId,
    state: delivery.state,
    created_at: delivery.createdAt.toISOString(),
    attempts: delivery.attempts.map(({ at, durationMs, status, error }) => ({
      at: at.toISOString(),
      duration_ms: durationMs,
      status,
      error,
    })),
  };
}
