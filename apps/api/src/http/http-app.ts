// The Express app: its middleware and routes, in order.

import cors from "cors";
import express, { Router } from "express";
import type { Express } from "express";
import helmet from "helmet";
import type { ApiContext } from "../api-context.ts";
import { consolePages } from "../console/console-pages.ts";
import { queueDashboard } from "../dashboard/dashboard.ts";
import { docsPage } from "../docs/docs-page.ts";
import { addHealthRoutes } from "../health/routes.ts";
import { accessLog } from "./middleware/access-log.ts";
import { authentication } from "./middleware/authentication.ts";
import { errorHandler, unknownRoute } from "./middleware/errors.ts";
import { guardsOf } from "./middleware/guards.ts";
import type { GuardContext } from "./middleware/guards.ts";
import { nameRoute, requestMetrics } from "./middleware/request-metrics.ts";
import { rejectEarly } from "./middleware/reject-early.ts";
import type { Route } from "./route.ts";
import { v1Routes } from "./routes.ts";

const preflightSeconds = 600;

/** Builds the Express app with all routes. */
export function httpApp(context: ApiContext): Express {
  const { config, logger, store, blobs, redis, auth, limits, queues, redisLimitMs, stopping } = context;
  const { api: apiUrl } = config.urls;
  const { trustedProxies, corsOrigins } = config.server;
  const app = express();
  app.disable("x-powered-by");
  // Responses are never cached, so hashing each one is wasted work.
  app.disable("etag");
  app.set("trust proxy", trustedProxies);
  app.use(requestMetrics());
  app.use(accessLog(logger, config.server.accessLogLevel));
  app.use(securityHeaders(apiUrl));
  app.use(rejectEarly(stopping));
  app.use(consolePages({ apiUrl, streamUrl: config.urls.stream }));
  addHealthRoutes(app, { store, blobs, redis, logger, apiUrl });
  app.use("/docs", docsPage(apiUrl));
  if (corsOrigins.length > 0) app.use("/v1", crossOrigin(corsOrigins));
  app.use("/queues", queueDashboard({ auth, limits, queues, redisLimitMs, apiUrl }));
  app.use("/v1", v1Router(v1Routes(context), { apiUrl, auth, limits, store }));
  app.use(unknownRoute, errorHandler);
  return app;
}

function v1Router(routes: readonly Route[], context: GuardContext): Router {
  const router = Router();
  const guards = guardsOf(context);
  router.use((_request, response, next) => {
    response.set("Cache-Control", "no-store");
    next();
  });
  for (const route of routes) {
    router[route.method](route.path, nameRoute(route.path), ...guards(route), route.handler);
  }
  // Only a signed-in client learns whether an unknown path is a route: others get 401 instead of 404.
  router.use(authentication(context));
  return router;
}

function securityHeaders(apiUrl: string) {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { "default-src": ["'none'"], "frame-ancestors": ["'none'"] },
    },
    strictTransportSecurity: apiUrl.startsWith("https:"),
  });
}

/** Allows pages of these origins to call the API with a bearer token. The session cookie is not accepted from them. */
function crossOrigin(origins: readonly string[]) {
  return cors({
    origin: origins.includes("*") ? "*" : [...origins],
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    allowedHeaders: [
      "Authorization",
      "Content-Type",
      "Idempotency-Key",
      "Last-Event-ID",
      "X-Dry-Run",
      "X-Request-Id",
    ],
    exposedHeaders: [
      "Idempotent-Replayed",
      "Location",
      "RateLimit-Limit",
      "RateLimit-Policy",
      "RateLimit-Remaining",
      "RateLimit-Reset",
      "Retry-After",
      "X-Request-Id",
    ],
    maxAge: preflightSeconds,
  });
}
