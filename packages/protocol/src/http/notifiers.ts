// Request and response bodies for notifiers, compatible with Scalingo's clients, and for their deliveries.

import { z } from "zod";
import { notifiableEvents, notifierPlatforms } from "@slipway/core";

const maxNameChars = 100;
const maxUrlChars = 2_048;

const eventId = z.enum(notifiableEvents, `must be one of ${notifiableEvents.join(", ")}`);
const settings = {
  active: z.boolean().optional(),
  /** Selects all events, including those of later versions, instead of `selected_event_ids`. */
  send_all_events: z.boolean().optional(),
  selected_event_ids: z.array(eventId).max(notifiableEvents.length).optional(),
};
const notifierName = z.string().min(1, "is required").max(maxNameChars);
const webhookUrl = z
  .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" })
  .max(maxUrlChars, `is longer than ${maxUrlChars} characters`);

export const createNotifierRequest = z
  .object({
    notifier: z.object({
      platform_id: z.enum(notifierPlatforms, `must be one of ${notifierPlatforms.join(", ")}`),
      name: notifierName,
      ...settings,
      /** `webhook_url` for a webhook; for GitHub a `token` with permission to set the repository's commit statuses. */
      type_data: z
        .object({ webhook_url: webhookUrl.optional(), token: z.string().min(1).max(500).optional() })
        .optional(),
    }),
  })
  .meta({
    examples: [
      {
        notifier: {
          platform_id: "webhook",
          name: "ops",
          selected_event_ids: ["deployment_succeeded", "deployment_failed"],
          type_data: { webhook_url: "https://example.com/hooks/slipway" },
        },
      },
    ],
  });

export const changeNotifierRequest = z
  .object({
    notifier: z.object({
      name: notifierName.optional(),
      ...settings,
      type_data: z
        .object({ webhook_url: webhookUrl.optional(), token: z.string().min(1).max(500).optional() })
        .optional(),
    }),
  })
  .meta({ examples: [{ notifier: { active: false } }] });

export const notifierBody = z.object({
  id: z.string(),
  app_id: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  name: z.string(),
  active: z.boolean(),
  type: z.enum(notifierPlatforms),
  platform_id: z.enum(notifierPlatforms),
  /** There are no alerts. */
  send_all_alerts: z.literal(false),
  send_all_events: z.boolean(),
  selected_event_ids: z.array(eventId),
  /** `secret` signs the webhook's requests. Only the response that creates the notifier contains it. */
  type_data: z.object({ webhook_url: z.string().optional(), secret: z.string().optional() }),
});

export const notifierAnswer = z.object({ notifier: notifierBody });
export const notifiersAnswer = z.object({ notifiers: z.array(notifierBody) });

export const deliveryBody = z.object({
  id: z.string(),
  event: z.enum([...notifiableEvents, "test"]),
  deployment_id: z.string(),
  state: z.enum(["pending", "delivered", "failed"]),
  created_at: z.string(),
  /** The latest attempts, oldest first. */
  attempts: z.array(
    z.object({
      at: z.string(),
      duration_ms: z.int(),
      /** The HTTP status; null without a response. */
      status: z.int().nullable(),
      error: z.string().nullable(),
    }),
  ),
});

export const deliveriesAnswer = z.object({ deliveries: z.array(deliveryBody) });
export const testedAnswer = z.object({ delivery_id: z.string() });

/** Finds a notification platform by its complete name. Default: all platforms. */
export const platformSearchQuery = z.object({ name: z.string("must be given once").optional() });

export const platformsAnswer = z.object({
  notification_platforms: z.array(
    z.object({
      id: z.enum(notifierPlatforms),
      name: z.enum(notifierPlatforms),
      display_name: z.string(),
      logo_url: z.string(),
      available_event_ids: z.array(eventId),
      description: z.string(),
    }),
  ),
});

export const eventTypesAnswer = z.object({
  event_types: z.array(
    z.object({
      id: eventId,
      category_id: z.string(),
      name: eventId,
      display_name: z.string(),
      description: z.string(),
      template: z.string(),
    }),
  ),
});

export type CreateNotifierBody = z.output<typeof createNotifierRequest>["notifier"];
export type ChangeNotifierBody = z.output<typeof changeNotifierRequest>["notifier"];
export type NotifierBody = z.infer<typeof notifierBody>;
export type DeliveryBody = z.infer<typeof deliveryBody>;
