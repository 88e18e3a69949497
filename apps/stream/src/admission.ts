// Who a client is, and whether it may follow what it asks for: the same for every transport.

import { mayUse } from "@slipway/auth";
import { notFound } from "@slipway/core";
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
 * @param wanted name or id.
 * @throws {SlipwayError} "not-found" also for an app that the user may not follow: it is not told from one that is not there.
 */
export async function appFor({ apps }: Pick<Platform, "apps">, user: User, wanted: string): Promise<App> {
  const app = (await apps.byName(wanted)) ?? (await apps.get(wanted));
  if (app === null || app.deletedAt !== null || !mayUse(user, app)) throw notFound("app");
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
