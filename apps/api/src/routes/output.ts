// A deployment's log: what there is of it at this moment as text, streamed; or followed to its end as events.

import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import { allows, appRole } from "@slipway/auth";
import { SlipwayError, notFound } from "@slipway/core";
import type { Deployment, User } from "@slipway/core";
import { readLog } from "@slipway/logs";
import type { LineBatch } from "@slipway/logs";
import { outputQuery } from "@slipway/protocol";
import type { OutputQuery } from "@slipway/protocol";
import { bearerNow } from "../middleware/authentication.ts";
import type { Platform } from "../platform.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";
import { deploymentOf } from "./deployments.ts";

const permission = "logs:read";

interface OutputAsked {
  readonly query: OutputQuery;
  readonly user: User;
  readonly request: Request;
  readonly response: Response;
}

export function outputRoutes(platform: Platform): Route[] {
  const { store } = platform;
  const log = {
    method: "get",
    summary: "A deployment's log so far, as text; followed to its end as events with follow=1",
    access: permission,
    query: outputQuery,
    polled: true,
    headers: {
      "Last-Event-ID": "With follow=1, the id of the last event one got: the answer goes on behind it.",
    },
    answer: { status: 200, type: "text/plain" },
    // with follow=1; the second for who has all there will be
    otherAnswers: [{ status: 200, type: "text/event-stream" }, { status: 204 }],
    problems: [429],
  } as const;
  return [
    route({
      ...log,
      path: "/apps/:app/deployments/:deployment/output",
      async handle({ app, params, ...asked }) {
        await sendOutput(platform, await deploymentOf(store, app, params.deployment), asked);
      },
    }),
    route({
      ...log,
      path: "/deployments/:deployment/output",
      async handle({ params, ...asked }) {
        const deployment = await store.deployments.get(params.deployment);
        if (deployment === null) throw notFound("deployment");
        await sendOutput(platform, deployment, asked);
      },
    }),
  ];
}

async function sendOutput(
  platform: Platform,
  deployment: Deployment,
  { query, user, request, response }: OutputAsked,
): Promise<void> {
  if (query.follow !== "1") return sendLog(platform, deployment, response);
  const mayGoOn = () => mayStillFollow(platform, deployment, request);
  platform.outputEvents.serve(deployment, { user, mayGoOn }, request, response);
}

/** Yes, too, while it cannot be found out. */
async function mayStillFollow(
  { auth, store, logger }: Platform,
  { appId }: Deployment,
  request: Request,
): Promise<boolean> {
  try {
    const [user, app] = await Promise.all([bearerNow({ auth }, request), store.apps.get(appId)]);
    const role = user === null || app === null ? null : await appRole(user, app, store.collaborators);
    return role !== null && allows(role, permission);
  } catch (error) {
    logger.warn({ err: error, app: appId }, "cannot check who may still follow; trying again later");
    return true;
  }
}

/** The first lines are read before the answer begins: with none there is no log, and a failure is still an error. */
async function sendLog(platform: Platform, deployment: Deployment, response: Response): Promise<void> {
  const { store, redis, keys } = platform;
  const { id: deploymentId, logLineCount } = deployment;
  // A closed log is all in the store: it can be read while Redis is away.
  const end = logLineCount === null ? {} : { untilSeq: logLineCount };
  const batches = readLog({ logs: store.logs, redis, keys, deploymentId, fromSeq: 1, ...end });
  const first = await firstOf(batches);
  if (first === null) throw new SlipwayError("not-found", "no log", { resource: "deployment" });
  response.type("text/plain; charset=utf-8");
  const text = async function* () {
    yield `${first.text}\n`;
    for await (const batch of batches) yield `${batch.text}\n`;
  };
  await pipeline(text, response);
}

async function firstOf(batches: AsyncIterator<LineBatch, void>): Promise<LineBatch | null> {
  try {
    const first = await batches.next();
    return first.done === true ? null : first.value;
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw new SlipwayError("queue-unavailable", "the live tail of the log cannot be read", { cause: error });
  }
}
