// Loads the app that a path names, and the user's role in it.

import type { RequestHandler, Response } from "express";
import { appRole, findApp } from "@slipway/auth";
import type { AppRole } from "@slipway/auth";
import { SlipwayError, notFound } from "@slipway/core";
import type { App, Store } from "@slipway/core";
import { userOf } from "./authentication.ts";

type Loader = RequestHandler<Record<string, string>>;

/** Loads the app for `:app`, a name or an id. Users without a role in the app get "not-found", so that its existence stays hidden. */
export function loadApp(store: Pick<Store, "apps" | "collaborators">): Loader {
  return async (request, response, next) => {
    const app = await findApp(store.apps, request.params["app"] ?? "");
    if (app === null || !(await loadRole(store, app, response))) throw notFound("app");
    next();
  };
}

/** Loads the app for paths that name only a deployment. Users without a role in the app get "not-found". */
export function loadAppOfDeployment(store: Pick<Store, "apps" | "collaborators" | "deployments">): Loader {
  return async (request, response, next) => {
    const deployment = await store.deployments.get(request.params["deployment"] ?? "");
    const app = deployment === null ? null : await store.apps.get(deployment.appId);
    if (app === null || app.deletedAt !== null || !(await loadRole(store, app, response))) {
      throw notFound("deployment");
    }
    next();
  };
}

/** The user's role in the app of the path. Requires a loader to have run. */
export function appRoleOf(response: Response): AppRole {
  const role: unknown = response.locals["appRole"];
  if (role === undefined) throw new SlipwayError("internal", "the route names no app");
  return role as AppRole;
}

/** Stores app and role in `response.locals`. @returns false if the user has no role in the app. */
async function loadRole(
  { collaborators }: Pick<Store, "collaborators">,
  app: App,
  response: Response,
): Promise<boolean> {
  const role = await appRole(userOf(response), app, collaborators);
  if (role === null) return false;
  Object.assign(response.locals, { app, appRole: role });
  return true;
}
