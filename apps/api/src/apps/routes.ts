// /v1/apps: create, list, show, change and delete apps.

import { randomUUID } from "node:crypto";
import type { Request } from "express";
import {
  SlipwayError,
  checkQuota,
  invalidField,
  newApp,
  notFound,
  pageRequest,
  paginate,
} from "@slipway/core";
import type { App, Operation, Quotas, Store } from "@slipway/core";
import { deleteApp, updateLiveApp } from "@slipway/deployments";
import type { LaneContext } from "@slipway/deployments";
import {
  appAnswer,
  appsAnswer,
  appsQuery,
  changeAppRequest,
  createAppRequest,
  deleteAppQuery,
} from "@slipway/protocol";
import type { AppBody, AppsAnswer } from "@slipway/protocol";
import { appParts } from "@slipway/store";
import { ListInParts } from "../http/list-in-parts.ts";
import { presentPagination } from "../http/pagination.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { readById, selectionFor } from "./apps-of.ts";
import { quotasOf } from "../users/quotas.ts";
import { presentApp } from "./presenter.ts";
import type { AppLocation } from "./presenter.ts";

const dryRunHeader = "X-Dry-Run";

export interface AppContext {
  readonly store: Pick<Store, "apps" | "collaborators" | "deployments" | "operations" | "usage" | "users">;
  readonly deployments: LaneContext;
  readonly location: AppLocation;
  readonly userQuotas: Quotas;
  readonly now: () => Date;
}

export function appRoutes(context: AppContext): Route[] {
  return [...collectionRoutes(context), ...itemRoutes(context)];
}

function collectionRoutes(context: Omit<AppContext, "deployments">): Route[] {
  const { store, location, now } = context;
  return [
    route({
      method: "get",
      path: "/apps",
      summary: "List the apps that the user may use, by name; operators see all apps",
      description:
        "With page, per_page or name in the query, the response is a page of the list and has meta.pagination. Without them it contains all apps.",
      access: "account:use",
      query: appsQuery,
      answer: { status: 200, json: appsAnswer },
      async handle({ user, query }) {
        const { page, per_page: perPage, name } = query;
        const selection = await selectionFor(store, user);
        const present = presenterOf(store, location);
        const isPaged = page !== undefined || perPage !== undefined || name !== undefined;
        if (!isPaged)
          return new ListInParts<AppsAnswer>("apps", presentParts(appParts(store, selection), present));
        const wanted = pageRequest(page, perPage);
        const { apps, totalCount } = await store.apps.search(selection, name ?? "", wanted);
        return {
          apps: await present(apps),
          meta: { pagination: presentPagination(paginate(wanted, totalCount)) },
        };
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
        [dryRunHeader]: "`true` to only check whether the app could be created, and get the response.",
      },
      problems: [409],
      async handle({ user, body, request }) {
        const { name, concurrency_policy: concurrencyPolicy = "queue" } = body.app;
        const app = newApp({ id: randomUUID(), name, ownerId: user.id, createdAt: now(), concurrencyPolicy });
        const quotas = quotasOf(context, user);
        if (isDryRun(request)) await checkCreatable(store, app, quotas);
        else await store.apps.create(app, quotas);
        return { app: presentApp(app, user, location) };
      },
    }),
  ];
}

function itemRoutes({ store, location, now, deployments }: AppContext): Route[] {
  const present = async (app: App) => {
    const [latest = null] = await store.deployments.latest([app.id]);
    const running = await store.operations.running(app.id);
    return presentApp(app, await store.users.get(app.ownerId), location, { running, latest });
  };
  return [
    route({
      method: "get",
      path: "/apps/:app",
      summary: "Show an app",
      access: "app:read",
      answer: { status: 200, json: appAnswer },
      async handle({ app }) {
        return { app: await present(app) };
      },
    }),
    route({
      method: "patch",
      path: "/apps/:app",
      summary: "Change an app's concurrency policy, its builder, its builder image or its stack",
      access: "app:change",
      body: changeAppRequest,
      answer: { status: 200, json: appAnswer },
      async handle({ app, body }) {
        const {
          concurrency_policy: concurrencyPolicy,
          builder,
          builder_image: builderImage,
          stack_id,
        } = body.app;
        const stack = stack_id === undefined ? undefined : stackOf(location, stack_id);
        const changed = await updateLiveApp(store.apps, app.id, now(), () => ({
          ...(concurrencyPolicy === undefined ? {} : { concurrencyPolicy }),
          ...(builder === undefined ? {} : { builder }),
          ...(builderImage === undefined ? {} : { builderImage }),
          ...(stack === undefined ? {} : { stack }),
        }));
        if (changed === null) throw notFound("app");
        return { app: await present(changed) };
      },
    }),
    route({
      method: "delete",
      path: "/apps/:app",
      summary: "Delete an app with all its data, and abort its deployments",
      access: "app:delete",
      query: deleteAppQuery,
      answer: { status: 204 },
      async handle({ app, query }) {
        if (query.current_name !== app.name) {
          throw invalidField("current_name", "must be the app's name, to confirm the deletion");
        }
        await deleteApp(deployments, app);
      },
    }),
  ];
}

type Present = (apps: readonly App[]) => Promise<AppBody[]>;

/** @returns a function that presents apps with one query each for their owners and latest deployments. Running operations are read once. */
function presenterOf(
  store: Pick<Store, "deployments" | "operations" | "users">,
  location: AppLocation,
): Present {
  let operations: Promise<ReadonlyMap<string, Operation>> | undefined;
  const readOperations = async () =>
    new Map((await store.operations.allRunning()).map((operation) => [operation.appId, operation]));
  return async (apps) => {
    if (apps.length === 0) return [];
    operations ??= readOperations();
    const [running, owners, deployments] = await Promise.all([
      operations,
      readById(
        apps.map(({ ownerId }) => ownerId),
        (ids) => store.users.many(ids),
      ),
      store.deployments.latest(apps.map(({ id }) => id)),
    ]);
    const latest = new Map(deployments.map((deployment) => [deployment.appId, deployment]));
    return apps.map((app) =>
      presentApp(app, owners.get(app.ownerId) ?? null, location, {
        running: running.get(app.id) ?? null,
        latest: latest.get(app.id) ?? null,
      }),
    );
  };
}

async function* presentParts(parts: AsyncGenerator<App[]>, present: Present): AsyncGenerator<AppBody[]> {
  for await (const part of parts) yield await present(part);
}

/** @returns null for the default stack, so that the app follows a change of the default. @throws {SlipwayError} "invalid" for an unknown stack. */
function stackOf({ stacks }: AppLocation, id: string): string | null {
  const index = stacks.findIndex(({ name }) => name === id);
  if (index !== -1) return index === 0 ? null : id;
  throw invalidField("stack_id", `must be ${stacks.map(({ name }) => name).join(", ")}`);
}

/** Rejects a misspelled value, so that a dry run never creates an app. @throws {SlipwayError} "invalid". */
function isDryRun(request: Pick<Request, "get">): boolean {
  const value = request.get(dryRunHeader) ?? "false";
  if (value !== "true" && value !== "false") throw invalidField(dryRunHeader, "must be true or false");
  return value === "true";
}

/**
 * Checks what creating the app checks.
 * @throws {SlipwayError} "conflict" if the name is taken, "quota-exceeded" if the user has too many apps.
 */
async function checkCreatable(
  { apps, usage }: Pick<Store, "apps" | "usage">,
  { name, ownerId, webCount }: App,
  quotas: Quotas,
): Promise<void> {
  if ((await apps.byName(name)) !== null) throw new SlipwayError("conflict", "the app's name is taken");
  const owned = await usage.of(ownerId);
  checkQuota(quotas, "apps", owned.apps + 1);
  checkQuota(quotas, "containers", owned.containers + webCount);
}
