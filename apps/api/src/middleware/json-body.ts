// Reads JSON bodies, bounded in size and time.

import express, { Router } from "express";
import type { RequestHandler } from "express";
import { HttpProblem } from "../http-problem.ts";

const mostBytes = 1024 * 1024;
const mostMs = 30_000;

/** An empty body is fine under any content type: clients name one on requests without any. */
export function jsonBody(): Router {
  const router = Router();
  router.use(jsonOnly, inTime, express.json({ limit: mostBytes, type: ["json", "+json"] }));
  return router;
}

const jsonOnly: RequestHandler = (request, _response, next) => {
  const empty = request.get("content-length") === "0";
  if (empty || request.is(["json", "+json"]) !== false) next();
  else next(new HttpProblem(415, "the body must be JSON, with Content-Type: application/json"));
};

/** Cuts off who sends a byte now and then. */
const inTime: RequestHandler = (request, _response, next) => {
  const cut = setTimeout(() => request.destroy(), mostMs);
  request.once("end", () => clearTimeout(cut));
  request.once("close", () => clearTimeout(cut));
  next();
};
