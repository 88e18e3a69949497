// /v1/apps/:app/containers, ps, scale and restart: shows and changes an app's containers.

import { randomUUID } from "node:crypto";
import type { Response } from "express";
import { invalidField, maxPendingOperations, SlipwayError, wantedWebCount } from "@slipway/core";
import type { App, Operation, OperationKind, Release, User } from "@slipway/core";
import { createOperation } from "@slipway/deployments";
import {
  autoscalersAnswer,
  containersAnswer,
  containerSize,
  containerTypesAnswer,
  instancesSeen,
  operationAnswer,
  restartRequest,
  scaleRequest,
} from "@slipway/protocol";
import type { InstancesSeen } from "@slipway/protocol";
import type { ApiContext } from "../api-context.ts";
import { presentContainer, presentContainerType, webType } from "./presenter.ts";
import { presentOperation } from "../operations/presenter.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

interface OperationRequest {
  readonly user: User;
  readonly app: App;
  readonly response: Response;
}

export function containerRoutes(context: ApiContext): Route[] {
  return [...listRoutes(context), ...operationRoutes(context)];
}

function listRoutes(context: ApiContext): Route[] {
  return [
    route({
      method: "get",
      path: "/apps/:app/containers",
      summary: "List the app's process types and their container counts",
      access: "app:read",
      answer: { status: 200, json: containerTypesAnswer },
      async handle({ app }) {
        const amount = wantedWebCount(app.webCount, await unfinished(context, app));
        return { containers: [presentContainerType(app, await currentRelease(context, app), amount)] };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/ps",
      summary: "List the app's containers, as of a few seconds ago",
      access: "app:read",
      answer: { status: 200, json: containersAnswer },
      async handle({ app }) {
        const { instances } = await instancesOf(context, app);
        const ids = [...new Set(instances.map(({ releaseId }) => releaseId))];
        const releases = new Map<string, Release | null>();
        for (const id of ids) releases.set(id, await context.store.releases.get(id));
        const present = (instance: (typeof instances)[number]) =>
          presentContainer(app, instance, releases.get(instance.releaseId) ?? null);
        return { containers: instances.map(present) };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/autoscalers",
      summary: "List the app's autoscalers; always empty",
      access: "app:read",
      answer: { status: 200, json: autoscalersAnswer },
      handle: async () => ({ autoscalers: [] }),
    }),
  ];
}

function operationRoutes(context: ApiContext): Route[] {
  return [
    route({
      method: "post",
      path: "/apps/:app/scale",
      summary: "Change the number of containers; Location names the operation that does it",
      access: "app:scale",
      body: scaleRequest,
      answer: { status: 202, json: containerTypesAnswer },
      answerHeaders: { Location: "The URL of the operation." },
      problems: [409],
      async handle({ user, app, body, response }) {
        const amount = webAmount(body.containers);
        await requestOperation(context, "scale", { user, app, response }, amount);
        return { containers: [presentContainerType(app, await currentRelease(context, app), amount)] };
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/restart",
      summary: "Restart all the app's containers; Location names the operation that does it",
      access: "app:restart",
      body: restartRequest,
      answer: { status: 202, json: operationAnswer },
      answerHeaders: { Location: "The URL of the operation." },
      problems: [409],
      async handle({ user, app, body, response }) {
        for (const part of body.scope ?? []) checkScope(part);
        if (app.currentReleaseId === null) {
          throw new SlipwayError("conflict", "the app has no release yet; deploy it first");
        }
        const operation = await requestOperation(context, "restart", { user, app, response }, null);
        return { operation: presentOperation(operation) };
      },
    }),
  ];
}

/** Creates an operation and sets the Location header to its URL. */
async function requestOperation(
  { store, lanes, deployments, config, now }: ApiContext,
  kind: OperationKind,
  { user, app, response }: OperationRequest,
  webCount: number | null,
): Promise<Operation> {
  const operation = await createOperation(
    { store, lanes, notify: deployments.notify },
    { id: randomUUID(), appId: app.id, kind, webCount, requestedBy: user.id, createdAt: now() },
    config.limits.containersPerApp,
  );
  response.set("Location", `${config.urls.api}/v1/apps/${app.id}/operations/${operation.id}`);
  return operation;
}

async function currentRelease({ store }: ApiContext, { currentReleaseId }: App): Promise<Release | null> {
  return currentReleaseId === null ? null : store.releases.get(currentReleaseId);
}

/** In the order in which they run. */
async function unfinished({ store }: ApiContext, app: App): Promise<Operation[]> {
  const pending = await store.operations.pending(app.id, maxPendingOperations);
  const running = await store.operations.running(app.id);
  return running === null ? pending : [running, ...pending];
}

/** @throws {SlipwayError} "queue-unavailable" when Redis does not answer. */
async function instancesOf({ redis, keys }: ApiContext, app: App): Promise<InstancesSeen> {
  const seen = await redis.get(keys.appInstances(app.id)).catch((error: unknown) => {
    throw new SlipwayError("queue-unavailable", "Redis does not answer", { cause: error });
  });
  return seen === null ? { seenAt: "", instances: [] } : instancesSeen.parse(JSON.parse(seen));
}

function webAmount(
  containers: readonly {
    readonly name: string;
    readonly amount: number;
    readonly size?: string | null | undefined;
  }[],
): number {
  for (const { name, size } of containers) {
    if (name !== webType)
      throw invalidField("containers", `has "${name}", but only ${webType} can be scaled`);
    if (size && size !== containerSize) throw invalidField("size", `must be ${containerSize}, the only size`);
  }
  const [first, second] = containers;
  if (first === undefined || second !== undefined)
    throw invalidField("containers", `must contain ${webType} exactly once`);
  return first.amount;
}

/** A single container such as web-1 restarts its whole process type. */
function checkScope(part: string): void {
  if (part !== webType && !/^web-[1-9]\d{0,3}$/.test(part)) {
    throw invalidField("scope", `has "${part}", but only ${webType} can be restarted`);
  }
}
