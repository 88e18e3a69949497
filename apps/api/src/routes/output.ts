// A deployment's log: what there is of it at this moment as text, streamed; or followed to its end as events.

import { pipeline } from "node:stream/promises";
import type { Request, Response, Router } from "express";
import { mayUse } from "@slipway/auth";
import { SlipwayError, invalidField, notFound } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { readLog } from "@slipway/logs";
import type { LineBatch } from "@slipway/logs";
import { userOf } from "../middleware/authentication.ts";
import { appOf } from "../middleware/load-app.ts";
import type { Platform } from "../platform.ts";
import { deploymentOf } from "./deployments.ts";

export function addOutputRoutes(router: Router, platform: Platform): void {
  const { store } = platform;

  router.get("/apps/:app/deployments/:deployment/output", async (request, response) => {
    const deployment = await deploymentOf(store, appOf(response), request.params.deployment);
    await sendOutput(platform, deployment, request, response);
  });

  router.get("/deployments/:deployment/output", async (request, response) => {
    const deployment = await store.deployments.get(request.params.deployment);
    const app = deployment === null ? null : await store.apps.get(deployment.appId);
    if (deployment === null || app === null || app.deletedAt !== null || !mayUse(userOf(response), app)) {
      throw notFound("deployment");
    }
    await sendOutput(platform, deployment, request, response);
  });
}

async function sendOutput(
  platform: Platform,
  deployment: Deployment,
  request: Request,
  response: Response,
): Promise<void> {
  const { follow = "0" } = request.query;
  if (follow !== "0" && follow !== "1") throw invalidField("follow", "must be 0 or 1");
  if (follow === "1") platform.outputEvents.serve(deployment, userOf(response), request, response);
  else await sendLog(platform, deployment, response);
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
