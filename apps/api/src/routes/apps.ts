// /v1/apps: create, list, show, change, delete.

import { randomUUID } from "node:crypto";
import type { Request } from "express";
import { SlipwayError, invalidField, newApp, notFound } from "@slipway/core";
import type { App, Store, User } from "@slipway/core";
import { deleteApp, updateLiveApp } from "@slipway/deployments";
import { appAnswer, appsAnswer, changeAppRequest, createAppRequest, deleteAppQuery } from "@slipway/protocol";
import type { Platform } from "../platform.ts";
import { presentApp } from "../presenters/app.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

const dryRunHeader = "X-Dry-Run";

export function appRoutes(platform: Platform): Route[] {
  const { store, config, now } = platform;
  return [
    route({
      method: "get",
      path: "/apps",
      summary: "List the apps one may use, by name; operators see all",
      access: "account:use",
      answer: { status: 200, json: appsAnswer },
      async handle({ user }) {
        const apps = await appsOf(store, user);
        const ownerIds = [...new Set(apps.map((app) => app.ownerId))];
        const owners = new Map(
          await Promise.all(ownerIds.map(async (id) => [id, await store.users.get(id)] as const)),
        );
        const operations = await store.operations.allRunning();
        const running = new Map(operations.map((operation) => [operation.appId, operation]));
        const present = (app: App) =>
          presentApp(app, owners.get(app.ownerId) ?? null, config, running.get(app.id));
        return { apps: apps.map(present) };
      },
    }),
    route({
      method: "post",
      path: "/apps",
      summary: "Create an app",
      access: "account:use",
      body: createAppRequest,
      answer: { status: 201, json: appAnswer },
      headers: {
        [dryRunHeader]:
          "`true` to only be told whether the app could be created, and how it would be answered.",
      },
      problems: [409],
      async handle({ user, body, request }) {
        const { name, concurrency_policy: concurrencyPolicy = "queue" } = body.app;
        const app = newApp({ id: randomUUID(), name, ownerId: user.id, createdAt: now(), concurrencyPolicy });
        if (isDryRun(request)) await checkFree(store, app);
        else await store.apps.create(app);
        return { app: presentApp(app, user, config) };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app",
      summary: "Show an app",
      access: "app:read",
      answer: { status: 200, json: appAnswer },
      async handle({ app }) {
        const owner = await store.users.get(app.ownerId);
        return { app: presentApp(app, owner, config, await store.operations.running(app.id)) };
      },
    }),
    route({
      method: "patch",
      path: "/apps/:app",
      summary: "Change what an app does with deployments that come while it has one at work",
      access: "app:change",
      body: changeAppRequest,
      answer: { status: 200, json: appAnswer },
      async handle({ app, body }) {
        const { concurrency_policy: concurrencyPolicy } = body.app;
        const changed = await updateLiveApp(store.apps, app.id, now(), () => ({ concurrencyPolicy }));
        if (changed === null) throw notFound("app");
        const owner = await store.users.get(app.ownerId);
        return { app: presentApp(changed, owner, config, await store.operations.running(app.id)) };
      },
    }),
    route({
      method: "delete",
      path: "/apps/:app",
      summary: "Delete an app with all it has, and abort its deployments",
      access: "app:delete",
      query: deleteAppQuery,
      answer: { status: 204 },
      async handle({ app, query }) {
        if (query.current_name !== app.name) {
          throw invalidField("current_name", "must be the app's name, to confirm the deletion");
        }
        await deleteApp(platform.deployments, app);
      },
    }),
  ];
}

/** Whoever did not mean one must not come to an app by a slip. @throws {SlipwayError} "invalid" for what is neither. */
function isDryRun(request: Pick<Request, "get">): boolean {
  const asked = request.get(dryRunHeader) ?? "false";
  if (asked !== "true" && asked !== "false") throw invalidField(dryRunHeader, "must be true or false");
  return asked === "true";
}

/** @throws {SlipwayError} "conflict", as creating it would. */
async function checkFree({ apps }: Store, { name }: App): Promise<void> {
  if ((await apps.byName(name)) !== null) throw new SlipwayError("conflict", "the app's name is taken");
}

/** By name: all, or their own and those they collaborate on. */
async function appsOf({ apps, collaborators }: Store, user: User): Promise<App[]> {
  if (user.operator) return apps.list("all");
  const own = await apps.list({ ownerId: user.id });
  const shared = await Promise.all((await collaborators.ofUser(user.id)).map(({ appId }) => apps.get(appId)));
  const theirs = shared.filter((app) => app !== null && app.deletedAt === null && app.ownerId !== user.id);
  return [...own, ...theirs].filter((app) => app !== null).sort((a, b) => (a.name < b.name ? -1 : 1));
}
