// All routes below /v1, in the order in which Express tries them.

import type { ApiContext } from "../api-context.ts";
import type { Route } from "./route.ts";
import { appRoutes } from "../apps/routes.ts";
import { cacheRoutes } from "../apps/cache-routes.ts";
import { collaboratorRoutes } from "../collaborators/routes.ts";
import { containerRoutes } from "../containers/routes.ts";
import { deploymentRoutes } from "../deployments/routes.ts";
import { notificationPlatformRoutes } from "../notifiers/platform-routes.ts";
import { notifierRoutes } from "../notifiers/routes.ts";
import { openApiRoute } from "../docs/openapi-route.ts";
import { operationRoutes } from "../operations/routes.ts";
import { outputRoutes } from "../output/routes.ts";
import { regionRoutes } from "../regions/routes.ts";
import { releaseRoutes } from "../releases/routes.ts";
import { sourceRoutes } from "../sources/routes.ts";
import { tokenRoutes } from "../users/token-routes.ts";
import { userRoutes } from "../users/routes.ts";
import { variableRoutes } from "../variables/routes.ts";
import { workerRoutes } from "../workers/routes.ts";

/** @returns the routes, with the one that describes them last. */
export function v1Routes(context: ApiContext): readonly Route[] {
  const routes = [
    ...tokenRoutes(context),
    ...regionRoutes(context),
    ...userRoutes(context),
    ...appRoutes(context),
    ...collaboratorRoutes(context),
    ...sourceRoutes(context),
    ...deploymentRoutes(context),
    ...outputRoutes(context),
    ...releaseRoutes(context),
    ...containerRoutes(context),
    ...operationRoutes(context),
    ...cacheRoutes(context),
    ...variableRoutes(context),
    ...notificationPlatformRoutes(),
    ...notifierRoutes(context),
    ...workerRoutes(context),
  ];
  return [...routes, openApiRoute(context, routes)];
}
