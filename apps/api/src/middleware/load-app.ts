// Finds the app that a path names, for those who may use it.

import type { RequestHandler, Response } from "express";
import { mayUse } from "@slipway/auth";
import { SlipwayError, notFound } from "@slipway/core";
import type { App, Store } from "@slipway/core";
import type { Platform } from "../platform.ts";
import { userOf } from "./authentication.ts";

/** For `:app`, a name or an id. Whose app it is, is not told: another's is not found. */
export function loadApp({ store }: Platform): RequestHandler<{ app: string }> {
  return async (request, response, next) => {
    const app = await findApp(store, request.params.app);
    if (app === null || !mayUse(userOf(response), app)) throw notFound("app");
    response.locals["app"] = app;
    next();
  };
}

/** The app of the path; only on routes with `:app`. */
export function appOf(response: Response): App {
  const app: unknown = response.locals["app"];
  if (app === undefined) throw new SlipwayError("internal", "the route names no app");
  return app as App;
}

/** The id goes first: nobody takes over another's app by giving theirs its id as a name. */
async function findApp({ apps }: Store, nameOrId: string): Promise<App | null> {
  const byId = await apps.get(nameOrId);
  return byId === null || byId.deletedAt !== null ? apps.byName(nameOrId) : byId;
}
