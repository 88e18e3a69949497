// Tells who comes while the process stops to come again.

import type { RequestHandler } from "express";

const retryAfterSeconds = 5;

/** The connection ends with the answer, so that whoever shares connections out finds another process. */
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
      .json({ error: "the server is being stopped; try again in a moment" });
  };
}
