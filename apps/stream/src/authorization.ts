// Authenticates users and authorizes them to follow apps, for every transport.

import { allows, appRole, findApp } from "@slipway/auth";
import type { Auth } from "@slipway/auth";
import { SlipwayError, notFound } from "@slipway/core";
import type { App, AppStore, CollaboratorStore, Deployment, DeploymentStore, User } from "@slipway/core";
import { unauthorized } from "./close-codes.ts";

export interface AuthorizationOptions {
  readonly auth: Pick<Auth, "authenticate" | "reauthenticate">;
  readonly apps: Pick<AppStore, "byName" | "get">;
  readonly collaborators: Pick<CollaboratorStore, "find">;
  readonly deployments: Pick<DeploymentStore, "get">;
}

export interface Authorization {
  /** @throws {SlipwayError} "unauthorized" when the token is invalid or revoked. */
  authenticate(token: string): Promise<User>;
  /**
   * Reloads the user of an open connection.
   * @throws {SlipwayError} "unauthorized" when the token was revoked or the user was deleted.
   */
  reauthenticate(token: string): Promise<User>;
  /**
   * Finds an app that the user may follow.
   * @param idOrName An id takes precedence over a name: otherwise a user could name an app by the id of another user's app.
   * @throws {SlipwayError} "not-found" when the app does not exist or the user has no role in it; "forbidden" when the role
   * lacks the permission.
   */
  app(user: User, idOrName: string): Promise<App>;
  /** @throws {SlipwayError} "not-found" when the app has no such deployment. */
  deployment(app: App, id: string): Promise<Deployment>;
}

export function openAuthorization({
  auth,
  apps,
  collaborators,
  deployments,
}: AuthorizationOptions): Authorization {
  return {
    async authenticate(token) {
      const user = await auth.authenticate(token);
      if (user === null) throw unauthorized("the token is not valid");
      return user;
    },
    async reauthenticate(token) {
      const user = await auth.reauthenticate(token);
      if (user === null) throw unauthorized("the token is no longer valid");
      return user;
    },
    async app(user, idOrName) {
      const app = await findApp(apps, idOrName);
      const role = app === null ? null : await appRole(user, app, collaborators);
      if (app === null || role === null) throw notFound("app");
      if (!allows(role, "logs:read"))
        throw new SlipwayError("forbidden", "your role may not follow this app");
      return app;
    },
    async deployment(app, id) {
      const deployment = await deployments.get(id);
      if (deployment?.appId !== app.id) throw notFound("deployment");
      return deployment;
    },
  };
}
