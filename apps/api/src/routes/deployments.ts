// /v1/apps/:app/deployments: create, list, show, abort.

import { SlipwayError, notFound, pageRequest, paginate } from "@slipway/core";
import type { App, Deployment, Store, User } from "@slipway/core";
import { abortDeployment, createDeployment } from "@slipway/deployments";
import { createDeploymentRequest, deploymentAnswer, deploymentsAnswer, pageQuery } from "@slipway/protocol";
import type { CreateDeploymentBody } from "@slipway/protocol";
import { firstOf, gitRefOf, hookOf, idempotencyHeader, replayedHeader } from "../idempotency.ts";
import type { Platform } from "../platform.ts";
import { presentDeployment, presentPagination } from "../presenters/deployment.ts";
import { queuePosition } from "../queue-position.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";
import { sourceAt } from "../source-url.ts";

export function deploymentRoutes(platform: Platform): Route[] {
  const { store, config, now } = platform;
  const present = (deployment: Deployment) => presentDeployment(deployment, config.PUBLIC_API_URL);
  return [
    route({
      method: "post",
      path: "/apps/:app/deployments",
      summary: "Ask for a deployment: of a source to build, or of an earlier release as it was built",
      access: "deployments:create",
      body: createDeploymentRequest,
      answer: { status: 201, json: deploymentAnswer },
      headers: idempotencyHeader,
      answerHeaders: replayedHeader,
      problems: [409],
      async handle({ user, app, request, response, body: { deployment: asked } }) {
        const key = request.get("idempotency-key");
        const { id, first } = await firstOf(platform, { app, user, key, wanted: asked });
        if (first !== null) {
          response.set("Idempotent-Replayed", "true");
          return { deployment: present(first) };
        }
        const requested = {
          id,
          appId: app.id,
          ownerId: app.ownerId,
          ...(await wantedBy(platform, user, app, asked)),
          previousGitRef: await currentGitRef(store, app),
          postdeployHook: hookOf(asked),
          pusher: { id: user.id, username: user.username, email: user.email },
          createdAt: now(),
        };
        const { APP_QUEUE_MAX: maxQueued } = config;
        const deployment = await createDeployment(platform.deployments, app, requested, maxQueued);
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
      polled: true,
      access: "deployments:read",
      answer: { status: 200, json: deploymentAnswer },
      async handle({ app, params }) {
        const deployment = await deploymentOf(store, app, params.deployment);
        const queue = await queuePosition(platform, deployment);
        return { deployment: { ...present(deployment), ...(queue === undefined ? {} : { queue }) } };
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
        const ended = await abortDeployment(platform.deployments, id, `by ${user.username}`);
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

/** What is to be deployed. @throws {SlipwayError} "invalid" for a source, "not-found" for a release that is none. */
async function wantedBy(
  platform: Platform,
  user: User,
  app: App,
  asked: CreateDeploymentBody,
): Promise<Pick<Deployment, "source" | "gitRef">> {
  const { source_url: url, release: number } = asked;
  const gitRef = gitRefOf(asked);
  if (number === undefined) return { source: await sourceAt(platform, user, url ?? ""), gitRef };
  const release = await platform.store.releases.byNumber(app.id, number);
  if (release === null) throw notFound("release");
  return { source: { kind: "release", releaseId: release.id }, gitRef: gitRef ?? release.gitRef };
}

async function currentGitRef({ releases }: Store, app: App): Promise<string | null> {
  if (app.currentReleaseId === null) return null;
  return (await releases.get(app.currentReleaseId))?.gitRef ?? null;
}
