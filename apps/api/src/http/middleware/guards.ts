// The middleware before each route: authentication, rate limit, loading the app, permission, reading the body.

import type { RequestHandler } from "express";
import { accountRole, allows, isAppPermission } from "@slipway/auth";
import type { Permission } from "@slipway/auth";
import { SlipwayError } from "@slipway/core";
import type { Store } from "@slipway/core";
import type { Limits } from "../limits.ts";
import { isPermission } from "../route.ts";
import type { Access, Route } from "../route.ts";
import { authentication, bearerOf, login, userOf } from "./authentication.ts";
import type { LoginContext } from "./authentication.ts";
import { jsonBody } from "./json-body.ts";
import { appRoleOf, loadApp, loadAppOfDeployment } from "./load-app.ts";
import { addressLimit, bearerLimit } from "./rate-limit.ts";

type Guard = RequestHandler<Record<string, string>>;

export interface GuardContext extends LoginContext {
  readonly limits: Limits;
  readonly store: Pick<Store, "apps" | "collaborators" | "deployments">;
}

/** Returns each route's middleware. The body comes last, so that it is read only from clients with permission. */
export function guardsOf(context: GuardContext): (route: Route) => Guard[] {
  const signedIn = authentication(context);
  const byAddress = addressLimit(context.limits);
  const readBody = jsonBody();
  const withoutBearer = (access: Access): Guard[] => {
    if (access === "credentials") return [];
    return access === "login" ? [byAddress, login(context)] : [byAddress];
  };
  return ({ access, path, body, polled = false }) => [
    ...(isPermission(access)
      ? [
          signedIn,
          bearerLimit(context.limits, polled, bearerOf),
          ...appLoader(context.store, path),
          requirePermission(access),
        ]
      : withoutBearer(access)),
    ...(body === undefined ? [] : [readBody]),
  ];
}

function appLoader(store: GuardContext["store"], path: string): Guard[] {
  if (path.startsWith("/apps/:app")) return [loadApp(store)];
  return path.startsWith("/deployments/:deployment") ? [loadAppOfDeployment(store)] : [];
}

/** @throws {SlipwayError} "forbidden" if the role lacks the permission. */
function requirePermission(permission: Permission): Guard {
  return (_request, response, next) => {
    const role = isAppPermission(permission) ? appRoleOf(response) : accountRole(userOf(response));
    if (allows(role, permission)) return next();
    const advice = isAppPermission(permission) ? "ask the app's owner or an operator" : "ask an operator";
    next(new SlipwayError("forbidden", `your role, ${role}, lacks the permission ${permission}: ${advice}`));
  };
}
