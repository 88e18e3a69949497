// Finds the app that a path names, and what the user is to it.

import type { RequestHandler, Response } from "express";
import { appRole } from "@slipway/auth";
import type { AppRole } from "@slipway/auth";
import { SlipwayError, notFound } from "@slipway/core";
import type { App, Store } from "@slipway/core";
import type { Platform } from "../platform.ts";
import { userOf } from "./authentication.ts";

type Loader = RequestHandler<Record<string, string>>;

/** For `:app`, a name or an id. Whose app it is, is not told: to who has no role in it, it is not found. */
export function loadApp({ store }: Platform): Loader {
  return async (request, response, next) => {
    const app = await findApp(store, request.params["app"] ?? "");
    if (app === null || !(await keep(store, app, response))) throw notFound("app");
    next();
  };
}

/** For paths that name a deployment only. Another's is not found. */
export function loadAppOfDeployment({ store }: Platform): Loader {
  return async (request, response, next) => {
    const deployment = await store.deployments.get(request.params["deployment"] ?? "");
    const app = deployment === null ? null : await store.apps.get(deployment.appId);
    if (app === null || app.deletedAt !== null || !(await keep(store, app, response))) {
      throw notFound("deployment");
    }
    next();
  };
}

/** What the user is to the app of the path; only behind the loaders. */
export function appRoleOf(response: Response): AppRole {
  const role: unknown = response.locals["appRole"];
  if (role === undefined) throw new SlipwayError("internal", "the route names no app");
  return role as AppRole;
}

/** @returns whether the user has a role in the app. */
async function keep({ collaborators }: Store, app: App, response: Response): Promise<boolean> {
  const role = await appRole(userOf(response), app, collaborators);
  if (role === null) return false;
  Object.assign(response.locals, { app, appRole: role });
  return true;
}

/** The id goes first: nobody takes over another's app by giving theirs its id as a name. */
async function findApp({ apps }: Store, nameOrId: string): Promise<App | null> {
  const byId = await apps.get(nameOrId);
  return byId === null || byId.deletedAt !== null ? apps.byName(nameOrId) : byId;
}
