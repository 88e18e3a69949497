// Logs one line per request with its outcome, without secrets.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pinoHttp } from "pino-http";
import type { Logger } from "@slipway/service";

/** The request ids that are accepted from clients: safe to log. */
const safeId = /^[A-Za-z0-9._-]{8,64}$/;

/** Also assigns each request an id and returns it as X-Request-Id. @param successLevel the level of the lines of successful requests. */
export function accessLog(logger: Logger, successLevel: "info" | "debug" | "trace") {
  return pinoHttp({
    logger,
    genReqId: requestId,
    quietReqLogger: true,
    wrapSerializers: false,
    serializers: {
      // Leaves out the headers, which contain tokens, and the query, which contains signatures.
      req: (request: IncomingMessage & { readonly id?: unknown; readonly ip?: string }) => ({
        id: request.id,
        method: request.method,
        path: pathOf(request),
        from: request.ip ?? request.socket.remoteAddress,
      }),
      res: (response: ServerResponse) => ({ status: response.statusCode }),
    },
    // Evaluated after the response, when the user and the deployment are known.
    customProps: (_request, response) => propsOf(response),
    autoLogging: { ignore: (request) => pathOf(request) === "/health" },
    customLogLevel: (_request, { statusCode }) =>
      statusCode >= 500 ? "error" : statusCode >= 400 ? "info" : successLevel,
  });
}

function propsOf({ locals = {} }: ServerResponse & { readonly locals?: Record<string, unknown> }) {
  const { user, traceId } = locals as {
    readonly user?: { readonly id?: unknown };
    readonly traceId?: string;
  };
  return { user: user?.id, ...(traceId === undefined ? {} : { trace_id: traceId }) };
}

function requestId(request: IncomingMessage, response: ServerResponse): string {
  const given = request.headers["x-request-id"];
  const id = typeof given === "string" && safeId.test(given) ? given : randomUUID();
  response.setHeader("X-Request-Id", id);
  return id;
}

function pathOf(request: IncomingMessage & { readonly originalUrl?: string }): string {
  return (request.originalUrl ?? request.url ?? "").split("?", 1)[0] ?? "";
}
