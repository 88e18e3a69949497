// All routes below /v1, in the order in which Express tries them.

import type { ApiContext } from "./api-context.ts";
import type { Route } from "./route.ts";
import { appRoutes } from "./routes/apps.ts";
import { cacheRoutes } from "./routes/caches.ts";
import { collaboratorRoutes } from "./routes/collaborators.ts";
import { containerRoutes } from "./routes/containers.ts";
import { deploymentRoutes } from "./routes/deployments.ts";
import { notificationPlatformRoutes } from "./routes/notification-platforms.ts";
import { notifierRoutes } from "./routes/notifiers.ts";
import { openApiRoute } from "./routes/openapi.ts";
import { operationRoutes } from "./routes/operations.ts";
import { outputRoutes } from "./routes/output.ts";
import { regionRoutes } from "./routes/regions.ts";
import { releaseRoutes } from "./routes/releases.ts";
import { sourceRoutes } from "./routes/sources.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { userRoutes } from "./routes/users.ts";
import { variableRoutes } from "./routes/variables.ts";
import { workerRoutes } from "./routes/workers.ts";

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
