// A deployment's log: the lines so far as streamed text, or followed to its end as Server-Sent Events.

import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import { allows, appRole } from "@slipway/auth";
import type { Auth } from "@slipway/auth";
import { isRedisFailure } from "@slipway/bus";
import type { RedisConnection } from "@slipway/bus";
import { SlipwayError, notFound } from "@slipway/core";
import type { Deployment, Store, User } from "@slipway/core";
import { readLog } from "@slipway/logs";
import type { LineBatch } from "@slipway/logs";
import { outputQuery } from "@slipway/protocol";
import type { OutputQuery, RedisKeys } from "@slipway/protocol";
import type { Logger } from "@slipway/service";
import { deploymentOf } from "../deployments/deployment-of.ts";
import { reauthenticate } from "../http/middleware/authentication.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { eventStream } from "./event-stream.ts";
import { plainText, plainTextType, textOfBatch } from "./plain-text.ts";
import type { OutputEvents } from "./output-events.ts";

const permission = "logs:read";

interface LogReadContext {
  readonly store: Pick<Store, "logs">;
  readonly redis: RedisConnection;
  readonly keys: RedisKeys;
}

interface AccessContext {
  readonly apiUrl: string;
  readonly auth: Pick<Auth, "reauthenticate">;
  readonly store: Pick<Store, "apps" | "collaborators">;
  readonly logger: Pick<Logger, "warn">;
}

export interface OutputContext extends LogReadContext, AccessContext {
  readonly store: Pick<Store, "apps" | "collaborators" | "deployments" | "logs">;
  readonly outputEvents: Pick<OutputEvents, "serve">;
}

interface OutputRequest {
  readonly query: OutputQuery;
  readonly user: User;
  readonly request: Request;
  readonly response: Response;
}

export function outputRoutes(context: OutputContext): Route[] {
  const { store } = context;
  const log = {
    method: "get",
    summary: "Show a deployment's log so far as text; with follow=1, follow it to its end as events or text",
    description:
      "Without follow=1 the response is 404 while there is no line yet. A followed log is sent as Server-Sent Events, and as plain text to a client that accepts only that.",
    access: permission,
    query: outputQuery,
    polled: true,
    headers: {
      "Last-Event-ID": "With follow=1, the id of the last event received; the response resumes after it.",
    },
    answer: { status: 200, type: "text/plain" },
    // With follow=1; 204 if the client has received all events of an ended deployment.
    otherAnswers: [{ status: 200, type: "text/event-stream" }, { status: 204 }],
    problems: [429],
  } as const;
  return [
    route({
      ...log,
      path: "/apps/:app/deployments/:deployment/output",
      async handle({ app, params, ...input }) {
        await sendOutput(context, await deploymentOf(store, app, params.deployment), input);
      },
    }),
    route({
      ...log,
      path: "/deployments/:deployment/output",
      async handle({ params, ...input }) {
        const deployment = await store.deployments.get(params.deployment);
        if (deployment === null) throw notFound("deployment");
        await sendOutput(context, deployment, input);
      },
    }),
  ];
}

async function sendOutput(
  context: OutputContext,
  deployment: Deployment,
  { query, user, request, response }: OutputRequest,
): Promise<void> {
  const options = { timestamps: query.timestamps === "1" };
  if (query.follow !== "1") return sendLog(context, deployment, response, options);
  response.vary("Accept");
  const format = prefersText(request) ? plainText(deployment, options) : eventStream;
  const isStillAllowed = () => checkStillAllowed(context, deployment, request);
  context.outputEvents.serve(deployment, { user, format, isStillAllowed }, request, response);
}

/** Clients that accept neither type receive events. */
function prefersText(request: Request): boolean {
  return request.accepts(["text/event-stream", "text/plain"]) === "text/plain";
}

/** Whether the user still has the permission; true if the check fails, until the next heartbeat. */
async function checkStillAllowed(
  { apiUrl, auth, store, logger }: AccessContext,
  { appId }: Deployment,
  request: Request,
): Promise<boolean> {
  try {
    const [user, app] = await Promise.all([reauthenticate({ apiUrl, auth }, request), store.apps.get(appId)]);
    const role = user === null || app === null ? null : await appRole(user, app, store.collaborators);
    return role !== null && allows(role, permission);
  } catch (error) {
    logger.warn(
      { err: error, app: appId },
      "cannot check whether a follower still has access; retrying at the next heartbeat",
    );
    return true;
  }
}

/** Reads the first lines before sending headers, so that a missing log or a failure still gets its error status. */
async function sendLog(
  context: LogReadContext,
  deployment: Deployment,
  response: Response,
  options: { readonly timestamps: boolean },
): Promise<void> {
  const { store } = context;
  const { id: deploymentId, logLineCount } = deployment;
  // A closed log is complete in the store, so it can be read while Redis is down.
  const end = logLineCount === null ? {} : { untilSeq: logLineCount };
  const batches = readLog({ bus: context, logs: store.logs, deploymentId, fromSeq: 1, ...end });
  const first = await firstBatch(batches);
  if (first === null)
    throw new SlipwayError("not-found", "the deployment has no log line yet: ask again once it has begun", {
      resource: "deployment",
    });
  response.type(plainTextType);
  const textOf = (batch: LineBatch) => textOfBatch(batch, deployment, options);
  const text = async function* () {
    yield textOf(first);
    for await (const batch of batches) yield textOf(batch);
  };
  await pipeline(text, response);
}

async function firstBatch(batches: AsyncIterator<LineBatch, void>): Promise<LineBatch | null> {
  try {
    const first = await batches.next();
    return first.done === true ? null : first.value;
  } catch (error) {
    if (!isRedisFailure(error)) throw error;
    throw new SlipwayError("queue-unavailable", "cannot read the latest lines of the log from Redis", {
      cause: error,
    });
  }
}
