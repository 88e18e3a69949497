// The Express app: which middleware and which routes, in which order.

import express, { Router } from "express";
import type { Express } from "express";
import helmet from "helmet";
import { accessLog } from "./middleware/access-log.ts";
import { authentication } from "./middleware/authentication.ts";
import { errorAnswer, unknownRoute } from "./middleware/errors.ts";
import { jsonBody } from "./middleware/json-body.ts";
import { loadApp } from "./middleware/load-app.ts";
import type { Platform } from "./platform.ts";
import { addAppRoutes } from "./routes/apps.ts";
import { addCacheRoutes } from "./routes/caches.ts";
import { queueDashboard } from "./routes/dashboard.ts";
import { addDeploymentRoutes } from "./routes/deployments.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addOutputRoutes } from "./routes/output.ts";
import { addRegionRoutes } from "./routes/regions.ts";
import { addArchiveRoutes, addSourceRoutes } from "./routes/sources.ts";
import { addTokenRoutes } from "./routes/tokens.ts";
import { addUserRoutes } from "./routes/users.ts";
import { addVariableRoutes } from "./routes/variables.ts";

export function httpApp(platform: Platform): Express {
  const app = express();
  app.disable("x-powered-by");
  // Answers are made anew each time, and polls want the newest: no use for a hash of each.
  app.disable("etag");
  app.use(accessLog(platform.logger));
  app.use(securityHeaders(platform));
  addHealthRoutes(app, platform);
  app.use("/queues", queueDashboard(platform));
  app.use("/v1", publicRoutes(platform), memberRoutes(platform));
  app.use(unknownRoute, errorAnswer);
  return app;
}

/** Those that bring their own credentials, or need none. They come before bodies are read. */
function publicRoutes(platform: Platform): Router {
  const router = Router();
  router.use((_request, response, next) => {
    response.set("Cache-Control", "no-store");
    next();
  });
  addTokenRoutes(router, platform);
  addRegionRoutes(router, platform);
  addArchiveRoutes(router, platform);
  return router;
}

/** Those of a user that has signed in. */
function memberRoutes(platform: Platform): Router {
  const router = Router();
  router.use(authentication(platform), jsonBody());
  router.use("/apps/:app", loadApp(platform));
  addUserRoutes(router);
  addAppRoutes(router, platform);
  addSourceRoutes(router, platform);
  addDeploymentRoutes(router, platform);
  addOutputRoutes(router, platform);
  addCacheRoutes(router, platform);
  addVariableRoutes(router, platform);
  return router;
}

function securityHeaders({ config }: Platform) {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { "default-src": ["'none'"], "frame-ancestors": ["'none'"] },
    },
    strictTransportSecurity: config.PUBLIC_API_URL.startsWith("https:"),
  });
}
