// One line in the process's log per request: what was asked and how it went, without anything secret.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pinoHttp } from "pino-http";
import type { Logger } from "@slipway/service";

/** A caller's own request id is taken when it cannot harm a log. */
const harmlessId = /^[A-Za-z0-9._-]{8,64}$/;

/** Also gives every request an id, answered as X-Request-Id. */
export function accessLog(logger: Logger) {
  return pinoHttp({
    logger,
    genReqId: requestId,
    quietReqLogger: true,
    wrapSerializers: false,
    serializers: {
      // No headers and no query: tokens are in the one, signatures in the other.
      req: (request: IncomingMessage & { readonly id?: unknown; readonly ip?: string }) => ({
        id: request.id,
        method: request.method,
        path: pathOf(request),
        from: request.ip ?? request.socket.remoteAddress,
      }),
      res: (response: ServerResponse) => ({ status: response.statusCode }),
    },
    // Known once the request was let in, so by the time it is told.
    customProps: (_request, response) => ({ user: userIdOf(response) }),
    autoLogging: { ignore: (request) => pathOf(request) === "/health" },
    customLogLevel: (_request, response) => (response.statusCode >= 500 ? "error" : "info"),
  });
}

function userIdOf(response: ServerResponse & { readonly locals?: Record<string, unknown> }): unknown {
  return (response.locals?.["user"] as { readonly id?: unknown } | undefined)?.id;
}

function requestId(request: IncomingMessage, response: ServerResponse): string {
  const given = request.headers["x-request-id"];
  const id = typeof given === "string" && harmlessId.test(given) ? given : randomUUID();
  response.setHeader("X-Request-Id", id);
  return id;
}

function pathOf(request: IncomingMessage & { readonly originalUrl?: string }): string {
  return (request.originalUrl ?? request.url ?? "").split("?", 1)[0] ?? "";
}
