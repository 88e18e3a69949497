// /v1/apps/:app/deployments: create, list, show.

import { randomUUID } from "node:crypto";
import type { Router } from "express";
import { notFound, invalidField, pageRequest, paginate } from "@slipway/core";
import type { App, Deployment, Store } from "@slipway/core";
import { createDeploymentRequest } from "@slipway/protocol";
import type { DeploymentAnswer, DeploymentsAnswer } from "@slipway/protocol";
import { announceNew } from "../announce.ts";
import { abortOfDeleted } from "../delete-app.ts";
import { userOf } from "../middleware/authentication.ts";
import { appOf } from "../middleware/load-app.ts";
import type { Platform } from "../platform.ts";
import { presentDeployment, presentPagination } from "../presenters/deployment.ts";
import { sourceAt } from "../source-url.ts";
import { parseBody } from "../validate.ts";

export function addDeploymentRoutes(router: Router, platform: Platform): void {
  const { store, config, now } = platform;
  const present = (deployment: Deployment) =>
    presentDeployment(deployment, { publicApiUrl: config.PUBLIC_API_URL, now: now() });

  router.post("/apps/:app/deployments", async (request, response) => {
    const [user, app] = [userOf(response), appOf(response)];
    const asked = parseBody(createDeploymentRequest, request.body).deployment;
    const deployment = await store.deployments.create({
      id: randomUUID(),
      appId: app.id,
      ownerId: app.ownerId,
      source: await sourceAt(platform, user, asked.source_url),
      gitRef: asked.git_ref,
      previousGitRef: await currentGitRef(store, app),
      pusher: { id: user.id, username: user.username, email: user.email },
      createdAt: now(),
    });
    await unlessDeletedMeanwhile(platform, deployment);
    await announceNew(platform, deployment);
    response.status(201).json({ deployment: present(deployment) } satisfies DeploymentAnswer);
  });

  router.get("/apps/:app/deployments", async (request, response) => {
    const page = pageRequest(single(request.query, "page"), single(request.query, "per_page"));
    const { deployments, totalCount } = await store.deployments.list(appOf(response).id, page);
    response.json({
      deployments: deployments.map(present),
      meta: { pagination: presentPagination(paginate(page, totalCount)) },
    } satisfies DeploymentsAnswer);
  });

  router.get("/apps/:app/deployments/:deployment", async (request, response) => {
    const deployment = await deploymentOf(store, appOf(response), request.params.deployment);
    response.json({ deployment: present(deployment) } satisfies DeploymentAnswer);
  });
}

/** @throws {SlipwayError} "not-found" also for another app's. */
export async function deploymentOf({ deployments }: Store, app: App, id: string): Promise<Deployment> {
  const deployment = await deployments.get(id);
  if (deployment === null || deployment.appId !== app.id) throw notFound("deployment");
  return deployment;
}

async function currentGitRef({ releases }: Store, app: App): Promise<string | null> {
  if (app.currentReleaseId === null) return null;
  return (await releases.get(app.currentReleaseId))?.gitRef ?? null;
}

/** Whoever deleted the app may have looked for its deployments just before this one came. */
async function unlessDeletedMeanwhile(platform: Platform, { id, appId }: Deployment): Promise<void> {
  const app = await platform.store.apps.get(appId);
  if (app !== null && app.deletedAt === null) return;
  await abortOfDeleted(platform, id);
  throw notFound("app");
}

function single(query: Readonly<Record<string, unknown>>, field: string): string | undefined {
  const value = query[field];
  if (value === undefined || typeof value === "string") return value;
  throw invalidField(field, "must be given once");
}
