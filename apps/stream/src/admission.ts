// Who a client is, and whether it may follow what it asks for: the same for every transport.

import { allows, appRole } from "@slipway/auth";
import { SlipwayError, notFound } from "@slipway/core";
import type { App, Deployment, User } from "@slipway/core";
import { refusal } from "./close-codes.ts";
import type { Platform } from "./platform.ts";

/** @throws {SlipwayError} "unauthorized" for a token that is not, or no longer, valid. */
export async function userOf({ auth }: Pick<Platform, "auth">, token: string): Promise<User> {
  const user = await auth.authenticate(token);
  if (user === null) throw refusal("the token is not valid");
  return user;
}

/**
 * The same user as they are now, for a connection that stands.
 * @throws {SlipwayError} "unauthorized" once the token is revoked, or the user is gone.
 */
export async function reauthenticateUser({ auth }: Pick<Platform, "auth">, token: string): Promise<User> {
  const user = await auth.reauthenticate(token);
  if (user === null) throw refusal("the token is not valid any more");
  return user;
}

/**
 * @param wanted name or id. The id goes first: nobody takes over another's app by giving theirs its id as a name.
 * @throws {SlipwayError} "not-found" also for an app that the user has no role in; "forbidden" for a role that may not.
 */
export async function appFor(
  { apps, collaborators }: Pick<Platform, "apps" | "collaborators">,
  user: User,
  wanted: string,
): Promise<App> {
  const byId = await apps.get(wanted);
  const app = byId === null || byId.deletedAt !== null ? await apps.byName(wanted) : byId;
  const role = app === null ? null : await appRole(user, app, collaborators);
  if (app === null || role === null) throw notFound("app");
  if (!allows(role, "logs:read")) throw new SlipwayError("forbidden", "your role may not follow this app");
  return app;
}

/** @throws {SlipwayError} "not-found" when the app has no such deployment. */
export async function deploymentOf(
  { deployments }: Pick<Platform, "deployments">,
  app: App,
  id: string,
): Promise<Deployment> {
  const deployment = await deployments.get(id);
  if (deployment?.appId !== app.id) throw notFound("deployment");
  return deployment;
}
