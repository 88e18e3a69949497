// /v1/apps/:app/notifiers: who is told of what becomes of the app's deployments.

import { randomBytes, randomUUID } from "node:crypto";
import type { z } from "zod";
import { SlipwayError, invalidField, maxNotifiers, notFound, notifiableEvents } from "@slipway/core";
import type { Notifier, NotifierTarget } from "@slipway/core";
import {
  changeNotifierRequest,
  createNotifierRequest,
  deliveriesAnswer,
  eventTypesAnswer,
  notifierAnswer,
  notifiersAnswer,
  platformSearchQuery,
  platformsAnswer,
  testedAnswer,
} from "@slipway/protocol";
import type { ChangeNotifierBody, CreateNotifierBody } from "@slipway/protocol";
import type { Platform } from "../platform.ts";
import { presentDelivery, presentNotifier } from "../presenters/notifier.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

const secretBytes = 32;
const deliveriesShown = 100;

const everything = { logo_url: "", available_event_ids: [...notifiableEvents] };
const platforms: z.input<typeof platformsAnswer>["notification_platforms"] = [
  {
    id: "webhook",
    name: "webhook",
    display_name: "Webhook",
    description: "A signed POST to a URL; see https://www.standardwebhooks.com for the signature",
    ...everything,
  },
  {
    id: "github",
    name: "github",
    display_name: "GitHub commit status",
    description: "A status on the commit, when the source is an archive of GitHub's",
    ...everything,
  },
];

export function notifierRoutes({ store, notifications, now }: Platform): Route[] {
  const { notifiers } = store;
  const found = async (appId: string, id: string): Promise<Notifier> => {
    const notifier = await notifiers.get(appId, id);
    if (notifier === null) throw notFound("notifier");
    return notifier;
  };
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
        return { notification_platforms: platforms.filter((one) => name === null || one.name === name) };
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
    route({
      method: "get",
      path: "/apps/:app/notifiers",
      summary: "List an app's notifiers, oldest first",
      access: "notifiers:read",
      answer: { status: 200, json: notifiersAnswer },
      async handle({ app }) {
        return { notifiers: (await notifiers.ofApp(app.id)).map(presentNotifier) };
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/notifiers",
      summary: "Have somebody told of what becomes of the app's deployments; shows a webhook's secret, once",
      access: "notifiers:write",
      body: createNotifierRequest,
      answer: { status: 201, json: notifierAnswer },
      problems: [409],
      async handle({ app, body: { notifier: asked } }) {
        if ((await notifiers.ofApp(app.id)).length >= maxNotifiers) {
          throw new SlipwayError("conflict", `an app has at most ${maxNotifiers} notifiers`);
        }
        const notifier = newNotifier(app.id, asked, now());
        await notifiers.create(notifier);
        const shown = presentNotifier(notifier);
        const { target } = notifier;
        if (target.platform === "webhook") shown.type_data.secret = target.secret;
        return { notifier: shown };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/notifiers/:notifier",
      summary: "Show a notifier",
      access: "notifiers:read",
      answer: { status: 200, json: notifierAnswer },
      async handle({ app, params }) {
        return { notifier: presentNotifier(await found(app.id, params.notifier)) };
      },
    }),
    route({
      method: "patch",
      path: "/apps/:app/notifiers/:notifier",
      summary: "Change a notifier",
      access: "notifiers:write",
      body: changeNotifierRequest,
      answer: { status: 200, json: notifierAnswer },
      problems: [409],
      async handle({ app, params, body: { notifier: asked } }) {
        const next = changedNotifier(await found(app.id, params.notifier), asked, now());
        if (!(await notifiers.compareAndSet(next))) {
          throw new SlipwayError("conflict", "somebody else changed it at this moment; try again");
        }
        return { notifier: presentNotifier(next) };
      },
    }),
    route({
      method: "delete",
      path: "/apps/:app/notifiers/:notifier",
      summary: "Remove a notifier",
      access: "notifiers:write",
      answer: { status: 204 },
      async handle({ app, params }) {
        if (!(await notifiers.delete(app.id, params.notifier))) throw notFound("notifier");
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/notifiers/:notifier/test",
      summary: "Tell a notifier something, to see whether it arrives",
      access: "notifiers:write",
      answer: { status: 200, json: testedAnswer },
      async handle({ app, params }) {
        const { id: notifierId } = await found(app.id, params.notifier);
        const deliveryId = `${notifierId}.test-${randomUUID()}`;
        const at = now().toISOString();
        await notifications.add({
          deliveryId,
          appId: app.id,
          notifierId,
          deploymentId: "",
          event: "test",
          at,
        });
        return { delivery_id: deliveryId };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/notifiers/:notifier/deliveries",
      summary: "List what a notifier was told, newest first, with every attempt",
      access: "notifiers:read",
      answer: { status: 200, json: deliveriesAnswer },
      async handle({ app, params }) {
        const { id } = await found(app.id, params.notifier);
        const deliveries = await store.deliveries.ofNotifier(id, deliveriesShown);
        return { deliveries: deliveries.map(presentDelivery) };
      },
    }),
  ];
}

function newNotifier(appId: string, asked: CreateNotifierBody, at: Date): Notifier {
  const { platform_id: platform, type_data: given = {} } = asked;
  return {
    id: randomUUID(),
    appId,
    name: asked.name,
    active: asked.active ?? true,
    target: targetOf(platform, given),
    events: eventsOf(asked),
    createdAt: at,
    updatedAt: at,
    revision: 1,
  };
}

/** The selected ones; null for all there are, also where nothing is said of events. */
function eventsOf({ send_all_events: all, selected_event_ids: selected }: CreateNotifierBody) {
  if (all === true) return null;
  return selected ?? (all === false ? [] : null);
}

type TypeData = NonNullable<CreateNotifierBody["type_data"]>;

/** @throws {SlipwayError} "invalid" for what the platform needs and was not given. */
function targetOf(platform: NotifierTarget["platform"], given: TypeData): NotifierTarget {
  if (platform === "webhook") {
    if (given.webhook_url === undefined) throw invalidField("type_data.webhook_url", "is required");
    const secret = `whsec_${randomBytes(secretBytes).toString("base64")}`;
    return { platform, url: given.webhook_url, secret };
  }
  if (given.token === undefined) throw invalidField("type_data.token", "is required");
  return { platform, token: given.token };
}

/** What is not given stays as it is, a webhook's secret always. */
function changedNotifier(notifier: Notifier, asked: ChangeNotifierBody, updatedAt: Date): Notifier {
  const { target, events } = notifier;
  const { type_data: given = {}, send_all_events: all, selected_event_ids: selected } = asked;
  return {
    ...notifier,
    name: asked.name ?? notifier.name,
    active: asked.active ?? notifier.active,
    target:
      target.platform === "webhook"
        ? { ...target, url: given.webhook_url ?? target.url }
        : { ...target, token: given.token ?? target.token },
    events: all === true ? null : (selected ?? (all === false ? (events ?? []) : events)),
    updatedAt,
    revision: notifier.revision + 1,
  };
}
