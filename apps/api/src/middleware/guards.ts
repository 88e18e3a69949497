// What a request has to pass before its route runs: who asks, the app it is about, whether they may, and its body.

import type { RequestHandler } from "express";
import { accountRole, allows, isAppPermission } from "@slipway/auth";
import type { Permission } from "@slipway/auth";
import { SlipwayError } from "@slipway/core";
import type { Platform } from "../platform.ts";
import { isPermission } from "../route.ts";
import type { Access, Route } from "../route.ts";
import { authentication, bearerOf, login, userOf } from "./authentication.ts";
import { jsonBody } from "./json-body.ts";
import { addressLimit, bearerLimit } from "./rate-limit.ts";
import { appRoleOf, loadApp, loadAppOfDeployment } from "./load-app.ts";

type Guard = RequestHandler<Record<string, string>>;

/** In this order, so that a body is read of nobody who may not send one. */
export function guardsOf(platform: Platform): (route: Route) => Guard[] {
  const signedIn = authentication(platform);
  const byAddress = addressLimit(platform.limits);
  const read = jsonBody();
  const withoutBearer = (access: Access): Guard[] => {
    if (access === "credentials") return [];
    return access === "login" ? [byAddress, login(platform)] : [byAddress];
  };
  return ({ access, path, body, polled = false }) => [
    ...(isPermission(access)
      ? [
          signedIn,
          bearerLimit(platform.limits, polled, bearerOf),
          ...appOn(platform, path),
          permitted(access),
        ]
      : withoutBearer(access)),
    ...(body === undefined ? [] : [read]),
  ];
}

function appOn(platform: Platform, path: string): Guard[] {
  if (path.startsWith("/apps/:app")) return [loadApp(platform)];
  return path.startsWith("/deployments/:deployment") ? [loadAppOfDeployment(platform)] : [];
}

/** @throws {SlipwayError} "forbidden" for who may know that the thing is there. */
function permitted(permission: Permission): Guard {
  return (_request, response, next) => {
    const role = isAppPermission(permission) ? appRoleOf(response) : accountRole(userOf(response));
    if (allows(role, permission)) next();
    else next(new SlipwayError("forbidden", `your role, ${role}, may not do this (${permission})`));
  };
}
