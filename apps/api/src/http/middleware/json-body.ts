// Reads JSON bodies with limits on size and time.

import express, { Router } from "express";
import type { RequestHandler } from "express";
import { HttpProblem } from "../http-problem.ts";

const maxBytes = 1024 * 1024;
const maxMs = 30_000;

/** Accepts an empty body with any content type: some clients send a type without a body. */
export function jsonBody(): Router {
  const router = Router();
  router.use(jsonOnly, bodyTimeout, express.json({ limit: maxBytes, type: ["json", "+json"] }));
  return router;
}

const jsonOnly: RequestHandler = (request, _response, next) => {
  const empty = request.get("content-length") === "0";
  if (empty || request.is(["json", "+json"]) !== false) next();
  else next(new HttpProblem(415, "the body must be JSON, with Content-Type: application/json"));
};

/** Closes the connection of a client that sends too slowly. */
const bodyTimeout: RequestHandler = (request, _response, next) => {
  const timeout = setTimeout(() => request.destroy(), maxMs);
  request.once("end", () => clearTimeout(timeout));
  request.once("close", () => clearTimeout(timeout));
  next();
};
