// /queues: the queues in a browser, for operators.

import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import { Router } from "express";
import type { Express, Request, RequestHandler } from "express";
import { contentSecurityPolicy } from "helmet";
import { accountRole, allows } from "@slipway/auth";
import { SlipwayError } from "@slipway/core";
import { basicCredentials } from "../middleware/authentication.ts";
import { countAddress } from "../middleware/rate-limit.ts";
import type { Platform } from "../platform.ts";

/** A login a browser understands: any username, an operator's API token as the password. */
export function queueDashboard(platform: Platform): Router {
  const router = Router();
  router.use(operatorsOnly(platform), sameSiteOnly(platform), pageHeaders, board(platform));
  return router;
}

function operatorsOnly({ auth, limits }: Platform): RequestHandler {
  return async (request, response, next) => {
    const credentials = basicCredentials(request);
    const user = credentials === null ? null : await auth.authenticateApiToken(credentials.password);
    if (user === null) {
      await countAddress(limits.address, request, response);
      response.set("WWW-Authenticate", 'Basic realm="Slipway queues", charset="UTF-8"');
      throw new SlipwayError("unauthorized", "sign in with any name and an operator's API token as password");
    }
    if (!allows(accountRole(user), "queues:manage")) {
      throw new SlipwayError("forbidden", "the queues are for operators only");
    }
    next();
  };
}

/**
 * Browsers send what somebody signed in with along on other sites' requests too, but say where those come from. Whoever says
 * nothing is no browser, and has no such memory.
 */
function sameSiteOnly({ config }: Platform): RequestHandler {
  const origin = new URL(config.PUBLIC_API_URL).origin;
  return (request, _response, next) => {
    const reads = request.method === "GET" || request.method === "HEAD";
    if (reads || comesFromUs(request, origin)) next();
    else next(new SlipwayError("forbidden", "the request comes from another site"));
  };
}

function comesFromUs(request: Request, origin: string): boolean {
  const site = request.get("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  const from = request.get("origin");
  return from === undefined || from === origin || from === `${request.protocol}://${request.get("host")}`;
}

/** The pages bring scripts and styles of their own, and styles in their elements. */
const pageHeaders = contentSecurityPolicy({
  useDefaults: false,
  directives: {
    "default-src": ["'none'"],
    "base-uri": ["'self'"],
    "connect-src": ["'self'"],
    "font-src": ["'self'", "data:"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "img-src": ["'self'", "data:"],
    "script-src": ["'self'"],
    "style-src": ["'self'", "'unsafe-inline'"],
  },
});

function board({ lanes, notifications, housekeeping, config }: Platform): Express {
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(`${new URL(config.PUBLIC_API_URL).pathname.replace(/\/$/, "")}/queues`);
  const queues = [...lanes.queues, notifications.queue, housekeeping.queue];
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue)),
    serverAdapter,
    options: { uiConfig: { boardTitle: "Slipway" } },
  });
  const app = serverAdapter.getRouter() as Express;
  app.disable("x-powered-by");
  return app;
}
