// /v1/apps/:app/deployments: create, list, show, abort.

import { SlipwayError, notFound, pageRequest, paginate } from "@slipway/core";
import type { App, Deployment, Store } from "@slipway/core";
import { createDeploymentRequest, deploymentAnswer, deploymentsAnswer, pageQuery } from "@slipway/protocol";
import { announceNew } from "../announce.ts";
import { abortDeployment, abortOfDeleted } from "../abort.ts";
import { deploymentIdOf, firstOf, idempotencyHeader } from "../idempotency.ts";
import type { Platform } from "../platform.ts";
import { presentDeployment, presentPagination } from "../presenters/deployment.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";
import { sourceAt } from "../source-url.ts";

export function deploymentRoutes(platform: Platform): Route[] {
  const { store, config, now } = platform;
  const present = (deployment: Deployment) =>
    presentDeployment(deployment, { publicApiUrl: config.PUBLIC_API_URL, now: now() });
  return [
    route({
      method: "post",
      path: "/apps/:app/deployments",
      summary: "Ask for a deployment",
      access: "deployments:create",
      body: createDeploymentRequest,
      answer: { status: 201, json: deploymentAnswer },
      headers: idempotencyHeader,
      async handle({ user, app, request, response, body: { deployment: asked } }) {
        const id = deploymentIdOf(request.get("idempotency-key"), app, user);
        const first = await firstOf(store, id, asked, config.PUBLIC_API_URL);
        if (first !== null) {
          response.set("Idempotent-Replayed", "true");
          return { deployment: present(first) };
        }
        const deployment = await store.deployments.create({
          id,
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
        return { deployment: present(deployment) };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/deployments",
      summary: "List an app's deployments, newest first",
      access: "deployments:read",
      query: pageQuery,
      answer: { status: 200, json: deploymentsAnswer },
      async handle({ app, query }) {
        const page = pageRequest(query.page, query.per_page);
        const { deployments, totalCount } = await store.deployments.list(app.id, page);
        return {
          deployments: deployments.map(present),
          meta: { pagination: presentPagination(paginate(page, totalCount)) },
        };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/deployments/:deployment",
      summary: "Show a deployment",
      access: "deployments:read",
      answer: { status: 200, json: deploymentAnswer },
      async handle({ app, params }) {
        return { deployment: present(await deploymentOf(store, app, params.deployment)) };
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/deployments/:deployment/abort",
      summary: "End a deployment that waits or runs; repeating is fine",
      access: "deployments:abort",
      answer: { status: 200, json: deploymentAnswer },
      problems: [409],
      async handle({ user, app, params }) {
        const { id } = await deploymentOf(store, app, params.deployment);
        const ended = await abortDeployment(platform, id, `by ${user.username}`);
        if (ended === null) throw notFound("deployment");
        if (ended.status !== "aborted") throw new SlipwayError("conflict", `it has ended: ${ended.status}`);
        return { deployment: present(ended) };
      },
    }),
  ];
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
