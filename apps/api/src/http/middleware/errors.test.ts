import { expect, test } from "vitest";
import { SlipwayError, errorCatalog, invalidField, notFound } from "@slipway/core";
import type { ErrorCode } from "@slipway/core";
import { HttpProblem } from "../http-problem.ts";
import { answerTo } from "./errors.ts";

test("each error status has its documented body", () => {
  const cases = [
    [new SlipwayError("unauthorized", "no token"), 401, { error: "no token" }],
    [new SlipwayError("forbidden", "no"), 403, { error: "no", code: "forbidden" }],
    [new SlipwayError("expired", "late"), 403, { error: "late", code: "expired" }],
    [new SlipwayError("quota-exceeded", "full"), 403, { error: "full", code: "quota-exceeded" }],
    [notFound("app"), 404, { resource: "app", error: "app not found" }],
    [new SlipwayError("conflict", "taken"), 409, { error: "taken" }],
    [new SlipwayError("too-large", "big"), 413, { error: "big" }],
    [invalidField("name", "is short"), 422, { errors: { name: ["is short"] }, error: "name is short" }],
    [new HttpProblem(415, "not JSON"), 415, { error: "not JSON" }],
  ] as const;
  for (const [error, status, body] of cases) expect(answerTo(error)).toEqual({ status, body });
});

test("internal errors reveal no details", () => {
  const secret = "mongodb://user:pass@db";
  for (const thrown of [new Error(secret), secret, new SlipwayError("internal", secret), { status: 400 }]) {
    expect(answerTo(thrown)).toEqual({ status: 500, body: { error: "internal error" } });
  }
  const unavailable = answerTo(new SlipwayError("store-unavailable", secret));
  expect(unavailable.status).toBe(503);
  expect(JSON.stringify(unavailable)).not.toContain(secret);
});

test("every error code has a status and a message", () => {
  for (const code of Object.keys(errorCatalog) as ErrorCode[]) {
    const { status, body } = answerTo(new SlipwayError(code, "x"));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(typeof body.error).toBe("string");
  }
});

test("errors of Express are answered without their own messages", () => {
  const refused = Object.assign(new Error("Unexpected token < at /srv/app"), {
    status: 400,
    type: "entity.parse.failed",
  });
  expect(answerTo(refused)).toEqual({ status: 400, body: { error: "the body is not valid JSON" } });
  const other = Object.assign(new URIError("Failed to decode param '%'"), { status: 400 });
  expect(answerTo(other)).toEqual({ status: 400, body: { error: "the request is malformed" } });
});
