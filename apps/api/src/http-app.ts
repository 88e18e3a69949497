// The Express app: which middleware and which routes, in which order.

import cors from "cors";
import express, { Router } from "express";
import type { Express } from "express";
import helmet from "helmet";
import { accessLog } from "./middleware/access-log.ts";
import { authentication } from "./middleware/authentication.ts";
import { errorAnswer, unknownRoute } from "./middleware/errors.ts";
import { guardsOf } from "./middleware/guards.ts";
import { rejectEarly } from "./middleware/reject-early.ts";
import type { Platform } from "./platform.ts";
import { v1Routes } from "./routes.ts";
import { docsPage } from "./routes/docs.ts";
import { queueDashboard } from "./routes/dashboard.ts";
import { addHealthRoutes } from "./routes/health.ts";

const preflightSeconds = 600;

export function httpApp(platform: Platform): Express {
  const app = express();
  app.disable("x-powered-by");
  // Answers are made anew each time, and polls want the newest: no use for a hash of each.
  app.disable("etag");
  app.set("trust proxy", platform.config.TRUST_PROXY);
  app.use(accessLog(platform.logger));
  app.use(securityHeaders(platform));
  app.use(rejectEarly(platform.stopping));
  addHealthRoutes(app, platform);
  app.use("/docs", docsPage(platform));
  if (platform.config.CORS_ORIGINS.length > 0) app.use("/v1", crossOrigin(platform.config.CORS_ORIGINS));
  app.use("/queues", queueDashboard(platform));
  app.use("/v1", v1Router(platform));
  app.use(unknownRoute, errorAnswer);
  return app;
}

function v1Router(platform: Platform): Router {
  const router = Router();
  const guards = guardsOf(platform);
  router.use((_request, response, next) => {
    response.set("Cache-Control", "no-store");
    next();
  });
  for (const route of v1Routes(platform)) {
    router[route.method](route.path, ...guards(route), route.handler);
  }
  // Which routes there are is told to who has signed in.
  router.use(authentication(platform));
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

/** Pages of these origins may read the API with a bearer that they have. Cookies are not looked at, here or anywhere. */
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
