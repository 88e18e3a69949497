// /v1/notification_platforms and /v1/event_types: the platforms and events that notifiers can be created for.

import type { z } from "zod";
import { notifiableEvents } from "@slipway/core";
import { eventTypesAnswer, platformSearchQuery, platformsAnswer } from "@slipway/protocol";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

const allEvents = { logo_url: "", available_event_ids: [...notifiableEvents] };
const platforms: z.input<typeof platformsAnswer>["notification_platforms"] = [
  {
    id: "webhook",
    name: "webhook",
    display_name: "Webhook",
    description: "A signed POST to a URL; signed as https://www.standardwebhooks.com describes",
    ...allEvents,
  },
  {
    id: "github",
    name: "github",
    display_name: "GitHub commit status",
    description: "A status on the commit, if the source is a GitHub archive",
    ...allEvents,
  },
];

export function notificationPlatformRoutes(): Route[] {
  return [
    route({
      method: "get",
      path: "/notification_platforms",
      summary: "List the notification platforms",
      access: "anyone",
      answer: { status: 200, json: platformsAnswer },
      async handle() {
        return { notification_platforms: [...platforms] };
      },
    }),
    route({
      method: "get",
      path: "/notification_platforms/search",
      summary: "Search the notification platforms by name",
      access: "anyone",
      query: platformSearchQuery,
      answer: { status: 200, json: platformsAnswer },
      async handle({ query: { name = null } }) {
        return {
          notification_platforms: platforms.filter((platform) => name === null || platform.name === name),
        };
      },
    }),
    route({
      method: "get",
      path: "/event_types",
      summary: "List the event types",
      access: "anyone",
      answer: { status: 200, json: eventTypesAnswer },
      async handle() {
        return {
          event_types: notifiableEvents.map((id) => {
            const words = id.replace("_", " ");
            return {
              id,
              category_id: "app",
              name: id,
              display_name: words,
              description: words,
              template: words,
            };
          }),
        };
      },
    }),
  ];
}
