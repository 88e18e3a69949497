// Rejects requests that arrive while the process stops.

import type { RequestHandler } from "express";

const retryAfterSeconds = 5;

/** Closes the connection after the response, so that a load balancer picks another process. */
export function rejectEarly(stopping: AbortSignal): RequestHandler {
  return (request, response, next) => {
    if (!stopping.aborted) {
      next();
      return;
    }
    request.resume();
    response
      .status(503)
      .set({ "Retry-After": String(retryAfterSeconds), "Cache-Control": "no-store", Connection: "close" })
      .json({ error: "the server is shutting down; try again in a moment" });
  };
}
