// /queues: the queue dashboard, for operators.

import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import { Router } from "express";
import type { Express, RequestHandler } from "express";
import { contentSecurityPolicy } from "helmet";
import { accountRole, allows } from "@slipway/auth";
import type { Auth } from "@slipway/auth";
import { SlipwayError } from "@slipway/core";
import type { ApiContext } from "../api-context.ts";
import type { Limits } from "../http/limits.ts";
import { basicCredentials } from "../http/middleware/authentication.ts";
import { isRead, isSameOrigin } from "../http/middleware/own-page.ts";
import { countAddress } from "../http/middleware/rate-limit.ts";

interface OperatorContext {
  readonly auth: Pick<Auth, "authenticateApiToken">;
  readonly limits: Pick<Limits, "address">;
}

export interface DashboardContext extends OperatorContext, Pick<ApiContext, "queues" | "redisLimitMs"> {
  readonly apiUrl: string;
}

/** Uses Basic authentication: any user name, and an operator's API token as the password. */
export function queueDashboard(context: DashboardContext): Router {
  const router = Router();
  router.use(
    operatorsOnly(context),
    sameSiteOnly(context.apiUrl),
    pageHeaders,
    within(context.redisLimitMs),
    board(context),
  );
  return router;
}

function operatorsOnly({ auth, limits }: OperatorContext): RequestHandler {
  return async (request, response, next) => {
    const credentials = basicCredentials(request);
    const user = credentials === null ? null : await auth.authenticateApiToken(credentials.password);
    if (user === null) {
      await countAddress(limits.address, request, response);
      response.set("WWW-Authenticate", 'Basic realm="Slipway queues", charset="UTF-8"');
      throw new SlipwayError(
        "unauthorized",
        "sign in with any user name, and an operator's API token as the password",
      );
    }
    if (!allows(accountRole(user), "queues:manage")) {
      throw new SlipwayError("forbidden", "only operators may use the queue dashboard");
    }
    next();
  };
}

/**
 * Protects against cross-site request forgery: browsers also attach stored credentials to requests of other sites, but name the
 * origin.
 */
function sameSiteOnly(apiUrl: string): RequestHandler {
  return (request, _response, next) => {
    if (isRead(request) || isSameOrigin(request, apiUrl)) next();
    else next(new SlipwayError("forbidden", "the request comes from another site"));
  };
}

/** Fails a request that Bull Board does not answer in time, because Redis does not. */
function within(limitMs: number): RequestHandler {
  return (_request, response, next) => {
    const timer = setTimeout(() => {
      if (response.headersSent) return;
      next(new SlipwayError("queue-unavailable", "Redis did not answer the queue dashboard in time"));
    }, limitMs);
    response.once("close", () => clearTimeout(timer));
    next();
  };
}

/** Bull Board serves its own scripts and styles, and uses inline styles. */
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

function board({ queues, apiUrl }: Pick<DashboardContext, "queues" | "apiUrl">): Express {
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(`${new URL(apiUrl).pathname.replace(/\/$/, "")}/queues`);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue)),
    serverAdapter,
    options: { uiConfig: { boardTitle: "Slipway" } },
  });
  const app = serverAdapter.getRouter() as Express;
  app.disable("x-powered-by");
  return app;
}
