// /v1/apps/:app/scale, restart and operations: changes an app's containers, and shows the operations that make the changes.

import { randomUUID } from "node:crypto";
import type { Response } from "express";
import { SlipwayError, invalidField, notFound } from "@slipway/core";
import type { App, Operation, OperationKind, Quotas, Store, User } from "@slipway/core";
import { createOperation } from "@slipway/deployments";
import type { LaneContext } from "@slipway/deployments";
import {
  containerSize,
  containerTypesAnswer,
  operationAnswer,
  restartRequest,
  scaleRequest,
} from "@slipway/protocol";
import { currentRelease } from "../containers/current-release.ts";
import { presentContainerType, webType } from "../containers/presenter.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { ownerQuotas } from "../users/quotas.ts";
import { presentOperation } from "./presenter.ts";

interface RequestContext {
  readonly store: Pick<Store, "operations" | "users">;
  readonly userQuotas: Quotas;
  readonly deployments: Pick<LaneContext, "lanes" | "notify">;
  readonly apiUrl: string;
  readonly maxContainersPerApp: number;
  readonly now: () => Date;
}

export interface OperationContext extends RequestContext {
  readonly store: Pick<Store, "operations" | "releases" | "users">;
}

interface OperationRequest {
  readonly user: User;
  readonly app: App;
  readonly response: Response;
}

export function operationRoutes(context: OperationContext): Route[] {
  return [scaleRoute(context), restartRoute(context), showRoute(context.store)];
}

function scaleRoute(context: OperationContext): Route {
  return route({
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
      return { containers: [presentContainerType(app, await currentRelease(context.store, app), amount)] };
    },
  });
}

function restartRoute(context: RequestContext): Route {
  return route({
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
  });
}

function showRoute({ operations }: Pick<Store, "operations">): Route {
  return route({
    method: "get",
    path: "/apps/:app/operations/:operation",
    summary: "Show an operation: pending, running, done or error",
    access: "app:read",
    answer: { status: 200, json: operationAnswer },
    async handle({ app, params }) {
      const operation = await operations.get(params.operation);
      if (operation === null || operation.appId !== app.id) throw notFound("operation");
      return { operation: presentOperation(operation) };
    },
  });
}

/** Creates an operation and sets the Location header to its URL. */
async function requestOperation(
  context: RequestContext,
  kind: OperationKind,
  { user, app, response }: OperationRequest,
  webCount: number | null,
): Promise<Operation> {
  const { store, deployments, apiUrl, maxContainersPerApp, now } = context;
  const { lanes, notify } = deployments;
  const quota = await ownerQuotas(context, app.ownerId);
  const operation = await createOperation(
    { store, lanes, notify },
    { id: randomUUID(), appId: app.id, kind, webCount, requestedBy: user.id, createdAt: now() },
    { maxInstances: maxContainersPerApp, quota },
  );
  response.set("Location", `${apiUrl}/v1/apps/${app.id}/operations/${operation.id}`);
  return operation;
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

/** A single container is not restarted alone: `web-1` stands for its whole process type. */
function checkScope(part: string): void {
  if (part !== webType && !/^web-[1-9]\d{0,3}$/.test(part)) {
    throw invalidField("scope", `has "${part}", but only ${webType} can be restarted`);
  }
}
