// /v1/apps/:app/deployments: create, list, show and abort deployments.

import { SlipwayError, notFound, pageRequest, paginate } from "@slipway/core";
import type { App, Deployment, Store, User } from "@slipway/core";
import { abortDeployment, completeCreation, createDeployment } from "@slipway/deployments";
import type { LaneContext } from "@slipway/deployments";
import { createDeploymentRequest, deploymentAnswer, deploymentsAnswer, pageQuery } from "@slipway/protocol";
import type { CreateDeploymentBody } from "@slipway/protocol";
import { presentPagination } from "../http/pagination.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { parseSourceImage } from "../sources/source-image.ts";
import { parseSourceUrl } from "../sources/source-url.ts";
import type { SourceUrlContext } from "../sources/source-url.ts";
import { gitRefOf, hookOf, idempotencyHeader, replayedHeader, resolveIdempotencyKey } from "./idempotency.ts";
import type { IdempotencyContext } from "./idempotency.ts";
import { allDeploymentsRoute } from "./all-deployments-route.ts";
import type { AllDeploymentsContext } from "./all-deployments-route.ts";
import { deploymentOf } from "./deployment-of.ts";
import { presentDeployment } from "./presenter.ts";
import { traceRequest } from "./request-span.ts";
import { timelineRoute } from "./timeline-route.ts";
import { queuePosition } from "./queue-position.ts";
import type { QueuePositionContext } from "./queue-position.ts";

interface CreateContext extends IdempotencyContext, SourceUrlContext {
  readonly store: Pick<Store, "deployments" | "releases" | "sources">;
  readonly deployments: LaneContext;
  readonly maxQueuedPerApp: number;
}

interface ReadContext extends QueuePositionContext {
  readonly apiUrl: string;
}

interface AbortContext {
  readonly store: Pick<Store, "deployments">;
  readonly deployments: LaneContext;
  readonly apiUrl: string;
}

export interface DeploymentRouteContext extends CreateContext, ReadContext, AllDeploymentsContext {
  readonly store: Pick<
    Store,
    "apps" | "collaborators" | "deployments" | "operations" | "releases" | "sources" | "users"
  >;
}

export function deploymentRoutes(context: DeploymentRouteContext): Route[] {
  return [
    createRoute(context),
    ...readRoutes(context),
    timelineRoute(context),
    allDeploymentsRoute(context),
    abortRoute(context),
  ];
}

function createRoute(context: CreateContext): Route {
  const { store, deployments, apiUrl, maxQueuedPerApp, now } = context;
  const present = (deployment: Deployment) => presentDeployment(deployment, apiUrl);
  return route({
    method: "post",
    path: "/apps/:app/deployments",
    summary: "Deploy a source, or an image or an earlier release without a build",
    description:
      "The deployment waits in its app's lane until the ones before it have ended. Follow it by its output, and read its timeline to see what it waits for. A request with the Idempotency-Key of an earlier one returns that deployment.",
    access: "deployments:create",
    body: createDeploymentRequest,
    answer: { status: 201, json: deploymentAnswer },
    headers: idempotencyHeader,
    answerHeaders: replayedHeader,
    problems: [409],
    async handle({ user, app, request, response, body: { deployment: fields } }) {
      const startedAt = now();
      const key = request.get("idempotency-key");
      const { id, existing } = await resolveIdempotencyKey(context, { app, user, key, body: fields });
      if (existing !== null) {
        await completeCreation(deployments, app, existing);
        response.set("Idempotent-Replayed", "true");
        return { deployment: present(existing) };
      }
      const requested = {
        id,
        appId: app.id,
        ownerId: app.ownerId,
        ...(await sourceOf(context, user, app, fields)),
        previousGitRef: await currentGitRef(store, app),
        postdeployHook: hookOf(fields),
        pusher: { id: user.id, username: user.username, email: user.email },
        createdAt: now(),
      };
      const deployment = await createDeployment(deployments, app, requested, maxQueuedPerApp);
      traceRequest(response, startedAt, deployment);
      return { deployment: present(deployment) };
    },
  });
}

function readRoutes(context: ReadContext): Route[] {
  const { store, apiUrl } = context;
  const present = (deployment: Deployment) => presentDeployment(deployment, apiUrl);
  return [
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
        const queue = await queuePosition(context, deployment);
        return { deployment: { ...present(deployment), ...(queue === undefined ? {} : { queue }) } };
      },
    }),
  ];
}

function abortRoute({ store, apiUrl, deployments }: AbortContext): Route {
  return route({
    method: "post",
    path: "/apps/:app/deployments/:deployment/abort",
    summary: "Abort a queued or running deployment; idempotent",
    access: "deployments:abort",
    answer: { status: 200, json: deploymentAnswer },
    problems: [409],
    async handle({ user, app, params }) {
      const { id } = await deploymentOf(store, app, params.deployment);
      const ended = await abortDeployment(deployments, id, `by ${user.username}`);
      if (ended === null) throw notFound("deployment");
      if (ended.status !== "aborted")
        throw new SlipwayError("conflict", `the deployment has already ended with ${ended.status}`);
      return { deployment: presentDeployment(ended, apiUrl) };
    },
  });
}

/**
 * The source of the requested deployment.
 * @throws {SlipwayError} "invalid" for a bad source_url or image, "not-found" for an unknown release.
 */
async function sourceOf(
  context: CreateContext,
  user: User,
  app: App,
  body: CreateDeploymentBody,
): Promise<Pick<Deployment, "source" | "gitRef">> {
  const { source_url: url, image, release: number } = body;
  const gitRef = gitRefOf(body);
  if (image !== undefined) return { source: parseSourceImage(image), gitRef };
  if (number === undefined) return { source: await parseSourceUrl(context, user, url ?? ""), gitRef };
  const release = await context.store.releases.byNumber(app.id, number);
  if (release === null) throw notFound("release");
  return { source: { kind: "release", releaseId: release.id }, gitRef: gitRef ?? release.gitRef };
}

async function currentGitRef({ releases }: Pick<Store, "releases">, app: App): Promise<string | null> {
  if (app.currentReleaseId === null) return null;
  return (await releases.get(app.currentReleaseId))?.gitRef ?? null;
}
