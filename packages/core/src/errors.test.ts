import { expect, test } from "vitest";
import { errorCatalog, invalidField, notFound, SlipwayError, toSlipwayError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

const codes = Object.keys(errorCatalog) as ErrorCode[];

test.each(codes)("%s has its fault and the retry rule from the catalog", (code) => {
  const error = new SlipwayError(code, "why");
  expect([error.fault, error.retryable]).toEqual([errorCatalog[code].fault, errorCatalog[code].retryable]);
});

test("no error that is the user's fault is retryable", () => {
  const retried = codes.filter((code) => errorCatalog[code].fault === "user" && errorCatalog[code].retryable);
  expect(retried).toEqual([]);
});

test.each([
  "engine-unavailable",
  "engine-refused",
  "registry-unavailable",
  "toolchain-unavailable",
  "store-unavailable",
  "queue-unavailable",
  "internal",
  "requeued",
] as const)("%s is retryable", (code) => {
  expect(new SlipwayError(code, "why").retryable).toBe(true);
});

test("an error keeps its cause, and has no cause property without one", () => {
  const cause = new Error("connection refused");
  expect(new SlipwayError("store-unavailable", "why", { cause }).cause).toBe(cause);
  expect(new SlipwayError("store-unavailable", "why")).not.toHaveProperty("cause");
});

test("toSlipwayError keeps a SlipwayError and wraps any other value", () => {
  const slipwayError = new SlipwayError("conflict", "taken");
  expect(toSlipwayError(slipwayError)).toBe(slipwayError);
  const typeError = new TypeError("x is not a function");
  expect(toSlipwayError(typeError)).toMatchObject({
    code: "internal",
    message: typeError.message,
    cause: typeError,
  });
  expect(toSlipwayError("a string")).toMatchObject({
    code: "internal",
    message: "a string",
    cause: "a string",
  });
});

test("notFound names the resource, invalidField the field", () => {
  expect(notFound("app")).toMatchObject({ code: "not-found", resource: "app", message: "app not found" });
  expect(invalidField("name", "is taken")).toMatchObject({
    code: "invalid",
    message: "name is taken",
    fields: { name: ["is taken"] },
  });
});
