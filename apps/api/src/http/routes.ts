// All routes below /v1, in the order in which Express tries them.

import type { ApiContext } from "../api-context.ts";
import { cacheRoutes } from "../apps/cache-routes.ts";
import { appRoutes } from "../apps/routes.ts";
import { collaboratorRoutes } from "../collaborators/routes.ts";
import { containerRoutes } from "../containers/routes.ts";
import { deploymentRoutes } from "../deployments/routes.ts";
import { openApiRoute } from "../docs/openapi-route.ts";
import { notificationPlatformRoutes } from "../notifiers/platform-routes.ts";
import { notifierRoutes } from "../notifiers/routes.ts";
import { operationRoutes } from "../operations/routes.ts";
import { outputRoutes } from "../output/routes.ts";
import { queueRoutes } from "../queue/routes.ts";
import { receiptRoutes } from "../receipts/routes.ts";
import { regionRoutes } from "../regions/routes.ts";
import { releaseRoutes } from "../releases/routes.ts";
import { sessionRoutes } from "../sessions/routes.ts";
import { sourceRoutes } from "../sources/routes.ts";
import { stackRoutes } from "../stacks/routes.ts";
import { userRoutes } from "../users/routes.ts";
import { tokenRoutes } from "../users/token-routes.ts";
import { variableRoutes } from "../variables/routes.ts";
import { workerRoutes } from "../workers/routes.ts";
import type { Route } from "./route.ts";

/** @returns the routes. The last one serves their OpenAPI description. */
export function v1Routes(context: ApiContext): readonly Route[] {
  const { config, store, blobs, redis, keys, auth, limits, deployments, listWorkers, meanSeconds, now } =
    context;
  const { lanes, logger, notifications, outputEvents, uploadPace: pace, urlSigner } = context;
  const { region, stacks, urls, userQuotas } = config;
  const apiUrl = urls.api;
  const { archiveBytes, uploadMs, containersPerApp, queuedPerApp } = config.limits;
  const uploads = { maxSizeBytes: archiveBytes, timeoutMs: uploadMs, pace };
  const routes = [
    ...tokenRoutes({ apiUrl, store, auth, limits, now }),
    ...sessionRoutes({ apiUrl, store, auth, now }),
    ...regionRoutes(region, apiUrl),
    ...stackRoutes(stacks),
    ...userRoutes({ store, auth, limits, userQuotas, now }),
    ...appRoutes({ store, deployments, location: { urls, region, stacks }, userQuotas, now }),
    ...collaboratorRoutes({ store, now }),
    ...sourceRoutes({ store, blobs, urlSigner, apiUrl, uploads, userQuotas, now }),
    ...deploymentRoutes({
      store,
      deployments,
      lanes,
      urlSigner,
      apiUrl,
      maxQueuedPerApp: queuedPerApp,
      listWorkers,
      meanSeconds,
      logger,
      now,
    }),
    ...outputRoutes({ store, redis, keys, apiUrl, auth, outputEvents, logger }),
    ...receiptRoutes({ store, blobs }),
    ...releaseRoutes(store),
    ...containerRoutes({ store, redis, keys }),
    ...operationRoutes({
      store,
      deployments,
      apiUrl,
      maxContainersPerApp: containersPerApp,
      userQuotas,
      now,
    }),
    ...cacheRoutes({ store, blobs, now }),
    ...variableRoutes(store),
    ...notificationPlatformRoutes(),
    ...notifierRoutes({ store, notifications, now }),
    ...workerRoutes({ store, listWorkers, setDraining: context.setDraining }),
    ...queueRoutes({
      store,
      redis,
      keys,
      listWorkers,
      lanes,
      logger,
      reservedSlots: config.limits.reservedSlots,
      meanSeconds,
      now,
    }),
  ];
  return [...routes, openApiRoute(apiUrl, routes)];
}
