// Turns errors into responses.

import type { ErrorRequestHandler, Request, RequestHandler } from "express";
import { notFound, toSlipwayError } from "@slipway/core";
import type { ErrorCode, SlipwayError } from "@slipway/core";
import type { ErrorBody, ForbiddenBody, InvalidBody, NotFoundBody } from "@slipway/protocol";
import { HttpProblem } from "../http-problem.ts";

/** The HTTP status of each error code; codes that are not listed are internal errors. */
const statusOf: Partial<Record<ErrorCode, number>> = {
  unauthorized: 401,
  forbidden: 403,
  expired: 403,
  "too-many-requests": 429,
  "quota-exceeded": 403,
  "not-found": 404,
  conflict: 409,
  "too-large": 413,
  invalid: 422,
  "store-unavailable": 503,
  "queue-unavailable": 503,
};

/** The messages of responses with 503: they name the part, but no host. */
const unavailable: Partial<Record<ErrorCode, string>> = {
  "store-unavailable": "Slipway cannot reach its database; try again in a moment",
  "queue-unavailable": "Slipway cannot reach its queue in Redis; try again in a moment",
};
const retryAfterSeconds = 5;
/** How long the rest of a rejected body is read. Most clients read the response only after sending the body. */
const lingerMs = 10_000;

export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorBody | ForbiddenBody | InvalidBody | NotFoundBody;
}

/** Answers 404 for a path without a route. */
export const unknownRoute: RequestHandler = () => {
  throw notFound("route");
};

/** Answers a request whose handler failed. */
export const errorHandler: ErrorRequestHandler = (thrown: unknown, request, response, _next) => {
  const { status, body } = answerTo(thrown);
  // The access log writes the error with the request.
  if (status >= 500) response.err = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (response.headersSent || response.closed) {
    response.destroy();
    return;
  }
  if (status === 503) response.set("Retry-After", String(retryAfterSeconds));
  if (!request.complete) drain(request);
  response.status(status).json(body);
};

/** Status and body for anything thrown, without internal details. */
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
  if (status === 503) return { error: error.hint ?? unavailable[error.code] ?? error.message };
  return { error: status === 500 ? "internal error" : error.message };
}

function copyOf(fields: NonNullable<SlipwayError["fields"]>): InvalidBody["errors"] {
  return Object.fromEntries(Object.entries(fields).map(([field, messages]) => [field, [...messages]]));
}

/** Messages for errors of Express and its body parser, by the error's `type`. */
const expressMessages: Readonly<Record<string, string>> = {
  "entity.parse.failed": "the body is not valid JSON",
  "entity.too.large": "the body is too large",
  "request.aborted": "the connection was closed before the whole body arrived",
  "request.size.invalid": "the body's size differs from its Content-Length",
  "encoding.unsupported": "the body's encoding is not supported",
  "charset.unsupported": "the body's character set is not supported",
};

function problemOfExpress(thrown: unknown): HttpProblem | null {
  if (!(thrown instanceof Error)) return null;
  const { status, type } = thrown as Error & { status?: unknown; type?: unknown };
  if (typeof status !== "number" || status < 400 || status > 499) return null;
  return new HttpProblem(status, expressMessages[String(type)] ?? "the request is malformed");
}

function drain(request: Request): void {
  request.resume();
  const timeout = setTimeout(() => request.socket.destroy(), lingerMs);
  timeout.unref();
  for (const event of ["end", "close"]) request.once(event, () => clearTimeout(timeout));
}
