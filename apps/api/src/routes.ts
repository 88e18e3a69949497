// Every route below /v1, in the order in which they are tried.

import type { Platform } from "./platform.ts";
import type { Route } from "./route.ts";
import { appRoutes } from "./routes/apps.ts";
import { cacheRoutes } from "./routes/caches.ts";
import { collaboratorRoutes } from "./routes/collaborators.ts";
import { containerRoutes } from "./routes/containers.ts";
import { deploymentRoutes } from "./routes/deployments.ts";
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

export function v1Routes(platform: Platform): readonly Route[] {
  const routes = [
    ...tokenRoutes(platform),
    ...regionRoutes(platform),
    ...userRoutes(platform),
    ...appRoutes(platform),
    ...collaboratorRoutes(platform),
    ...sourceRoutes(platform),
    ...deploymentRoutes(platform),
    ...outputRoutes(platform),
    ...releaseRoutes(platform),
    ...containerRoutes(platform),
    ...operationRoutes(platform),
    ...cacheRoutes(platform),
    ...variableRoutes(platform),
    ...notifierRoutes(platform),
    ...workerRoutes(platform),
  ];
  return [...routes, openApiRoute(platform, routes)];
}
