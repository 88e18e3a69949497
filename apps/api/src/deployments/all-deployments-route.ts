// GET /v1/deployments: the deployments of all apps that the user may see.

import { pageRequest, paginate, searchedDeployments } from "@slipway/core";
import type { Deployment, DeploymentFilter, DeploymentStatus, Store, User } from "@slipway/core";
import { allDeploymentsAnswer, allDeploymentsQuery } from "@slipway/protocol";
import type { AllDeploymentsQuery, ListedDeploymentBody } from "@slipway/protocol";
import { readById, seenAppIds } from "../apps/apps-of.ts";
import { presentPagination } from "../http/pagination.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { presentDeployment } from "./presenter.ts";

export interface AllDeploymentsContext {
  readonly store: Pick<Store, "apps" | "collaborators" | "deployments" | "users">;
  readonly apiUrl: string;
}

export function allDeploymentsRoute(context: AllDeploymentsContext): Route {
  const { store } = context;
  return route({
    method: "get",
    path: "/deployments",
    summary: "List the deployments of all apps that the user may see, newest first",
    description: `The list contains the newest ${searchedDeployments.toLocaleString("en")} that fit the filter.`,
    access: "account:use",
    polled: true,
    query: allDeploymentsQuery,
    answer: { status: 200, json: allDeploymentsAnswer },
    async handle({ user, query }) {
      const page = pageRequest(query.page, query.per_page);
      const filter = await filterOf(store, user, query);
      const { deployments, totalCount } =
        filter === null ? { deployments: [], totalCount: 0 } : await store.deployments.search(filter, page);
      return {
        deployments: await presentAll(context, deployments),
        meta: { pagination: presentPagination(paginate(page, totalCount)) },
      };
    },
  });
}

/** @returns null when the result is empty in any case: the app or the owner does not exist, or the user may not see it. */
async function filterOf(
  { apps, collaborators, users }: AllDeploymentsContext["store"],
  user: User,
  query: AllDeploymentsQuery,
): Promise<DeploymentFilter | null> {
  const { status, owner, app, since } = query;
  const ownerId = owner === undefined ? undefined : ((await users.byUsername(owner))?.id ?? null);
  if (ownerId === null) return null;
  const appIds = await seenAppIds({ apps, collaborators }, user, { app, ownerId });
  return {
    statuses: status === undefined ? null : (status.split(",") as DeploymentStatus[]),
    appIds: appIds === "all" ? null : appIds,
    since: since === undefined ? null : new Date(since),
  };
}

async function presentAll(
  { store, apiUrl }: AllDeploymentsContext,
  deployments: readonly Deployment[],
): Promise<ListedDeploymentBody[]> {
  const [apps, owners] = await Promise.all([
    readById(
      deployments.map(({ appId }) => appId),
      (ids) => store.apps.many(ids),
    ),
    readById(
      deployments.map(({ ownerId }) => ownerId),
      (ids) => store.users.many(ids),
    ),
  ]);
  return deployments.map((deployment) => {
    const app = apps.get(deployment.appId);
    return {
      ...presentDeployment(deployment, apiUrl),
      app_name: app === undefined || app.deletedAt !== null ? null : app.name,
      owner: owners.get(deployment.ownerId)?.username ?? null,
    };
  });
}
