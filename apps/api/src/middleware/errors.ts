// The one place where errors become answers.

import type { ErrorRequestHandler, Request, RequestHandler } from "express";
import { notFound, toSlipwayError } from "@slipway/core";
import type { ErrorCode, SlipwayError } from "@slipway/core";
import type { ErrorBody, ForbiddenBody, InvalidBody, NotFoundBody } from "@slipway/protocol";
import { HttpProblem } from "../http-problem.ts";

/** Codes that have a status of their own; every other is an internal error. */
const statusOf: Partial<Record<ErrorCode, number>> = {
  unauthorized: 401,
  forbidden: 403,
  expired: 403,
  "too-many-requests": 429,
  "not-found": 404,
  conflict: 409,
  "too-large": 413,
  invalid: 422,
  "store-unavailable": 503,
  "queue-unavailable": 503,
};

const retryAfterSeconds = 5;
/** How long the rest of a refused body is read, so that its sender comes to read the answer. */
const lingerMs = 10_000;

export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorBody | ForbiddenBody | InvalidBody | NotFoundBody;
}

export const unknownRoute: RequestHandler = () => {
  throw notFound("route");
};

export const errorAnswer: ErrorRequestHandler = (thrown: unknown, request, response, _next) => {
  const { status, body } = answerTo(thrown);
  // The access log tells it, once, with the request.
  if (status >= 500) response.err = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (response.headersSent || response.closed) {
    response.destroy();
    return;
  }
  if (status === 503) response.set("Retry-After", String(retryAfterSeconds));
  if (!request.complete) readOn(request);
  response.status(status).json(body);
};

/** Status and body for anything thrown. Whatever is not meant for the caller stays out of it. */
export function answerTo(thrown: unknown): ErrorAnswer {
  const problem = thrown instanceof HttpProblem ? thrown : problemOfExpress(thrown);
  if (problem !== null) return { status: problem.status, body: { error: problem.message } };
  const error = toSlipwayError(thrown);
  const status = statusOf[error.code] ?? 500;
  return { status, body: bodyOf(error, status) };
}

function bodyOf(error: SlipwayError, status: number): ErrorAnswer["body"] {
  if (status === 403) return { error: error.message, code: error.code };
  if (status === 404) return { resource: error.resource ?? "resource", error: error.message };
  if (status === 422) return { errors: copyOf(error.fields ?? {}), error: error.message };
  if (status === 503) return { error: "a part of the platform does not answer; try again in a moment" };
  return { error: status === 500 ? "internal error" : error.message };
}

function copyOf(fields: NonNullable<SlipwayError["fields"]>): InvalidBody["errors"] {
  return Object.fromEntries(Object.entries(fields).map(([field, messages]) => [field, [...messages]]));
}

/** What Express and its body parser refuse has a 4xx status and a type. */
const expressMessages: Readonly<Record<string, string>> = {
  "entity.parse.failed": "the body is not valid JSON",
  "entity.too.large": "the body is too large",
  "request.aborted": "the request was broken off",
  "request.size.invalid": "the body's size is not what Content-Length says",
  "encoding.unsupported": "the body's encoding is not supported",
  "charset.unsupported": "the body's character set is not supported",
};

function problemOfExpress(thrown: unknown): HttpProblem | null {
  if (!(thrown instanceof Error)) return null;
  const { status, type } = thrown as Error & { status?: unknown; type?: unknown };
  if (typeof status !== "number" || status < 400 || status > 499) return null;
  return new HttpProblem(status, expressMessages[String(type)] ?? "the request is malformed");
}

function readOn(request: Request): void {
  request.resume();
  const cut = setTimeout(() => request.socket.destroy(), lingerMs);
  cut.unref();
  for (const event of ["end", "close"]) request.once(event, () => clearTimeout(cut));
}
