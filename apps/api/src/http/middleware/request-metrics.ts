// Counts and measures requests by their route.

import type { RequestHandler, Response } from "express";
import { count, isMeasured, record } from "@slipway/telemetry";

/** The parts of the app that are not routes of /v1. */
const parts = ["/health", "/docs", "/queues"];

/** Records each request when its response ends or its connection closes. Without metrics it does nothing. */
export function requestMetrics(): RequestHandler {
  return (request, response, next) => {
    if (!isMeasured()) return next();
    const startedAt = performance.now();
    const { method } = request;
    response.once("close", () => {
      const route = routeOf(response) ?? partOf(request.originalUrl);
      const status = response.writableFinished ? String(response.statusCode) : "disconnected";
      count("slipway_http_requests_total", { method, route, status });
      record(
        "slipway_http_request_duration_seconds",
        { method, route },
        (performance.now() - startedAt) / 1e3,
      );
    });
    next();
  };
}

/** Names the route of a request, by its path in Express syntax below /v1. */
export function nameRoute(path: string): RequestHandler {
  return (_request, response, next) => {
    response.locals["route"] = `/v1${path}`;
    next();
  };
}

function routeOf({ locals }: Response): string | undefined {
  return locals["route"] as string | undefined;
}

/** Unknown paths have one name: clients can send any number of them. */
function partOf(url: string): string {
  return (
    parts.find((part) => url === part || url.startsWith(`${part}/`) || url.startsWith(`${part}?`)) ?? "other"
  );
}
