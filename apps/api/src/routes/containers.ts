// /v1/apps/:app/containers, ps, scale and restart: what runs of an app, and how many.

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
import type { Platform } from "../platform.ts";
import { presentContainer, presentContainerType, webType } from "../presenters/container.ts";
import { presentOperation } from "../presenters/operation.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

export function containerRoutes(platform: Platform): Route[] {
  const { store, lanes, config, now } = platform;
  const releaseOf = async (id: string | null) => (id === null ? null : store.releases.get(id));
  const request = (
    kind: OperationKind,
    { id: requestedBy }: User,
    { id: appId }: App,
    webCount: number | null,
  ) =>
    createOperation(
      { store, lanes, notify: platform.deployments.notify },
      { id: randomUUID(), appId, kind, webCount, requestedBy, createdAt: now() },
      config.APP_CONTAINERS_MAX,
    );
  const locate = (response: Response, { appId, id }: Operation) =>
    response.set("Location", `${config.PUBLIC_API_URL}/v1/apps/${appId}/operations/${id}`);
  return [
    route({
      method: "get",
      path: "/apps/:app/containers",
      summary: "List the app's process types and how many of each are wanted",
      access: "app:read",
      answer: { status: 200, json: containerTypesAnswer },
      async handle({ app }) {
        const amount = wantedWebCount(app.webCount, await unfinished(platform, app));
        return { containers: [presentContainerType(app, await releaseOf(app.currentReleaseId), amount)] };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/ps",
      summary: "List the app's containers, as they were seen within the last seconds",
      access: "app:read",
      answer: { status: 200, json: containersAnswer },
      async handle({ app }) {
        const { instances } = await instancesOf(platform, app);
        const ids = [...new Set(instances.map(({ releaseId }) => releaseId))];
        const releases = new Map<string, Release | null>();
        for (const id of ids) releases.set(id, await releaseOf(id));
        const present = (seen: (typeof instances)[number]) =>
          presentContainer(app, seen, releases.get(seen.releaseId) ?? null);
        return { containers: instances.map(present) };
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/scale",
      summary: "Change how many containers the app has; the operation of the Location header does it",
      access: "app:scale",
      body: scaleRequest,
      answer: { status: 202, json: containerTypesAnswer },
      answerHeaders: { Location: "The URL of the operation." },
      problems: [409],
      async handle({ user, app, body, response }) {
        const amount = amountIn(body.containers);
        locate(response, await request("scale", user, app, amount));
        return { containers: [presentContainerType(app, await releaseOf(app.currentReleaseId), amount)] };
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/restart",
      summary: "Start all the app's containers anew; the operation of the Location header does it",
      access: "app:restart",
      body: restartRequest,
      answer: { status: 202, json: operationAnswer },
      answerHeaders: { Location: "The URL of the operation." },
      problems: [409],
      async handle({ user, app, body, response }) {
        for (const part of body.scope ?? []) checkPart(part);
        if (app.currentReleaseId === null) {
          throw new SlipwayError("conflict", "the app has no release yet; deploy it first");
        }
        const operation = await request("restart", user, app, null);
        locate(response, operation);
        return { operation: presentOperation(operation) };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/autoscalers",
      summary: "List the app's autoscalers: there are none",
      access: "app:read",
      answer: { status: 200, json: autoscalersAnswer },
      handle: async () => ({ autoscalers: [] }),
    }),
  ];
}

/** In the order in which they will be done. */
async function unfinished({ store }: Platform, app: App): Promise<Operation[]> {
  const pending = await store.operations.pending(app.id, maxPendingOperations);
  const running = await store.operations.running(app.id);
  return running === null ? pending : [running, ...pending];
}

/** @throws {SlipwayError} "queue-unavailable" when Redis does not answer. */
async function instancesOf({ redis, keys }: Platform, app: App): Promise<InstancesSeen> {
  const seen = await redis.get(keys.appInstances(app.id)).catch((error: unknown) => {
    throw new SlipwayError("queue-unavailable", "Redis does not answer", { cause: error });
  });
  return seen === null ? { seenAt: "", instances: [] } : instancesSeen.parse(JSON.parse(seen));
}

function amountIn(
  asked: readonly {
    readonly name: string;
    readonly amount: number;
    readonly size?: string | null | undefined;
  }[],
): number {
  for (const { name, size } of asked) {
    if (name !== webType) throw invalidField("containers", `has "${name}", but only ${webType} is run`);
    if (size && size !== containerSize)
      throw invalidField("size", `must be ${containerSize}: there is no other`);
  }
  const [first, second] = asked;
  if (first === undefined || second !== undefined)
    throw invalidField("containers", `must have ${webType} once`);
  return first.amount;
}

/** One container cannot be restarted by itself: its type is. */
function checkPart(part: string): void {
  if (part !== webType && !/^web-[1-9]\d{0,3}$/.test(part)) {
    throw invalidField("scope", `has "${part}", but only ${webType} is run`);
  }
}
