// Authenticates users and authorizes them to follow apps, for every transport.

import { allows, appRole } from "@slipway/auth";
import { SlipwayError, notFound } from "@slipway/core";
import type { App, Deployment, User } from "@slipway/core";
import { unauthorized } from "./close-codes.ts";
import type { StreamContext } from "./context.ts";

/** @throws {SlipwayError} "unauthorized" when the token is invalid or revoked. */
export async function authenticate({ auth }: Pick<StreamContext, "auth">, token: string): Promise<User> {
  const user = await auth.authenticate(token);
  if (user === null) throw unauthorized("the token is not valid");
  return user;
}

/**
 * Reloads the user of an open connection.
 * @throws {SlipwayError} "unauthorized" when the token was revoked or the user was deleted.
 */
export async function reauthenticate({ auth }: Pick<StreamContext, "auth">, token: string): Promise<User> {
  const user = await auth.reauthenticate(token);
  if (user === null) throw unauthorized("the token is no longer valid");
  return user;
}

/**
 * Finds an app that the user may follow.
 * @param idOrName An id takes precedence over a name: otherwise a user could name an app by the id of another user's app.
 * @throws {SlipwayError} "not-found" when the app does not exist or the user has no role in it; "forbidden" when the role
 * lacks the permission.
 */
export async function authorizedApp(
  { apps, collaborators }: Pick<StreamContext, "apps" | "collaborators">,
  user: User,
  idOrName: string,
): Promise<App> {
  const byId = await apps.get(idOrName);
  const app = byId === null || byId.deletedAt !== null ? await apps.byName(idOrName) : byId;
  const role = app === null ? null : await appRole(user, app, collaborators);
  if (app === null || role === null) throw notFound("app");
  if (!allows(role, "logs:read")) throw new SlipwayError("forbidden", "your role may not follow this app");
  return app;
}

/** @throws {SlipwayError} "not-found" when the app has no such deployment. */
export async function deploymentOf(
  { deployments }: Pick<StreamContext, "deployments">,
  app: App,
  id: string,
): Promise<Deployment> {
  const deployment = await deployments.get(id);
  if (deployment?.appId !== app.id) throw notFound("deployment");
  return deployment;
}
