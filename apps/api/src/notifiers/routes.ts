// /v1/apps/:app/notifiers: create, list, change, test and delete an app's notifiers, and list their deliveries.

import { randomBytes, randomUUID } from "node:crypto";
import { SlipwayError, invalidField, maxNotifiers, notFound } from "@slipway/core";
import type { Notifier, NotifierTarget, Store } from "@slipway/core";
import {
  changeNotifierRequest,
  createNotifierRequest,
  deliveriesAnswer,
  notifierAnswer,
  notifiersAnswer,
  testedAnswer,
} from "@slipway/protocol";
import type { ChangeNotifierBody, CreateNotifierBody } from "@slipway/protocol";
import type { Notifications } from "@slipway/queue";
import { requireApp } from "../apps/require-app.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { presentDelivery, presentNotifier } from "./presenter.ts";

const secretBytes = 32;
const maxDeliveriesShown = 100;

export interface NotifierContext {
  readonly store: Pick<Store, "apps" | "notifiers" | "deliveries">;
  readonly notifications: Pick<Notifications, "add">;
  readonly now: () => Date;
}

export function notifierRoutes(context: NotifierContext): Route[] {
  return [...collectionRoutes(context), ...itemRoutes(context), ...deliveryRoutes(context)];
}

interface ChangeContext {
  readonly store: Pick<Store, "apps" | "notifiers">;
  readonly now: () => Date;
}

function collectionRoutes({ store, now }: ChangeContext): Route[] {
  const { notifiers } = store;
  return [
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
      summary: "Create a notifier for the app's deployments; shows a webhook's secret only once",
      access: "notifiers:write",
      body: createNotifierRequest,
      answer: { status: 201, json: notifierAnswer },
      problems: [409],
      async handle({ app, body: { notifier: fields } }) {
        if ((await notifiers.ofApp(app.id)).length >= maxNotifiers) {
          throw new SlipwayError("conflict", `an app has at most ${maxNotifiers} notifiers`);
        }
        const notifier = newNotifier(app.id, fields, now());
        await notifiers.create(notifier);
        await requireApp(store, app.id, () => notifiers.delete(app.id, notifier.id));
        const shown = presentNotifier(notifier);
        const { target } = notifier;
        if (target.platform === "webhook") shown.type_data.secret = target.secret;
        return { notifier: shown };
      },
    }),
  ];
}

function itemRoutes({ store, now }: ChangeContext): Route[] {
  const { notifiers } = store;
  return [
    route({
      method: "get",
      path: "/apps/:app/notifiers/:notifier",
      summary: "Show a notifier",
      access: "notifiers:read",
      answer: { status: 200, json: notifierAnswer },
      async handle({ app, params }) {
        return { notifier: presentNotifier(await findNotifier(store, app.id, params.notifier)) };
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
      async handle({ app, params, body: { notifier: fields } }) {
        const next = changedNotifier(await findNotifier(store, app.id, params.notifier), fields, now());
        if (!(await notifiers.compareAndSet(next))) {
          throw new SlipwayError(
            "conflict",
            "another request changed the notifier at the same time; try again",
          );
        }
        return { notifier: presentNotifier(next) };
      },
    }),
    route({
      method: "delete",
      path: "/apps/:app/notifiers/:notifier",
      summary: "Delete a notifier",
      access: "notifiers:write",
      answer: { status: 204 },
      async handle({ app, params }) {
        if (!(await notifiers.delete(app.id, params.notifier))) throw notFound("notifier");
      },
    }),
  ];
}

function deliveryRoutes({ store, notifications, now }: NotifierContext): Route[] {
  return [
    route({
      method: "post",
      path: "/apps/:app/notifiers/:notifier/test",
      summary: "Send a test event to a notifier",
      access: "notifiers:write",
      answer: { status: 200, json: testedAnswer },
      async handle({ app, params }) {
        const { id: notifierId } = await findNotifier(store, app.id, params.notifier);
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
      summary: "List a notifier's deliveries, newest first, with every attempt",
      access: "notifiers:read",
      answer: { status: 200, json: deliveriesAnswer },
      async handle({ app, params }) {
        const { id } = await findNotifier(store, app.id, params.notifier);
        const deliveries = await store.deliveries.ofNotifier(id, maxDeliveriesShown);
        return { deliveries: deliveries.map(presentDelivery) };
      },
    }),
  ];
}

/** @throws {SlipwayError} "not-found", also for a notifier of another app. */
async function findNotifier(
  { notifiers }: Pick<Store, "notifiers">,
  appId: string,
  id: string,
): Promise<Notifier> {
  const notifier = await notifiers.get(appId, id);
  if (notifier === null) throw notFound("notifier");
  return notifier;
}

function newNotifier(appId: string, fields: CreateNotifierBody, at: Date): Notifier {
  const { platform_id: platform, type_data: given = {} } = fields;
  return {
    id: randomUUID(),
    appId,
    name: fields.name,
    active: fields.active ?? true,
    target: targetOf(platform, given),
    events: eventsOf(fields),
    createdAt: at,
    updatedAt: at,
    revision: 1,
  };
}

/** The selected events. Null for all events, also if the request names none. */
function eventsOf({ send_all_events: all, selected_event_ids: selected }: CreateNotifierBody) {
  if (all === true) return null;
  return selected ?? (all === false ? [] : null);
}

type TypeData = NonNullable<CreateNotifierBody["type_data"]>;

/** @throws {SlipwayError} "invalid" if a field that the platform requires is missing. */
function targetOf(platform: NotifierTarget["platform"], given: TypeData): NotifierTarget {
  if (platform === "webhook") {
    if (given.webhook_url === undefined) throw invalidField("type_data.webhook_url", "is required");
    const secret = `whsec_${randomBytes(secretBytes).toString("base64")}`;
    return { platform, url: given.webhook_url, secret };
  }
  if (given.token === undefined) throw invalidField("type_data.token", "is required");
  return { platform, token: given.token };
}

/** Keeps the values of absent fields, and a webhook's secret in any case. */
function changedNotifier(notifier: Notifier, fields: ChangeNotifierBody, updatedAt: Date): Notifier {
  const { target, events } = notifier;
  const { type_data: given = {}, send_all_events: all, selected_event_ids: selected } = fields;
  return {
    ...notifier,
    name: fields.name ?? notifier.name,
    active: fields.active ?? notifier.active,
    target:
      target.platform === "webhook"
        ? { ...target, url: given.webhook_url ?? target.url }
        : { ...target, token: given.token ?? target.token },
    events: all === true ? null : (selected ?? (all === false ? (events ?? []) : events)),
    updatedAt,
    revision: notifier.revision + 1,
  };
}
