import { expect, test } from "vitest";
import { errorCatalogue, invalidField, notFound, SlipwayError, toSlipwayError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

const codes = Object.keys(errorCatalogue) as ErrorCode[];

test.each(codes)("%s has its fault and retry from the catalogue", (code) => {
  const error = new SlipwayError(code, "why");
  expect([error.fault, error.retryable]).toEqual([
    errorCatalogue[code].fault,
    errorCatalogue[code].retryable,
  ]);
});

test("what is the user's fault is never tried again", () => {
  const retried = codes.filter(
    (code) => errorCatalogue[code].fault === "user" && errorCatalogue[code].retryable,
  );
  expect(retried).toEqual([]);
});

test.each([
  "engine-unavailable",
  "engine-refused",
  "registry-unavailable",
  "store-unavailable",
  "queue-unavailable",
  "internal",
  "requeued",
] as const)("%s is tried again", (code) => {
  expect(new SlipwayError(code, "why").retryable).toBe(true);
});

test("an error keeps its cause, and has none where none was given", () => {
  const cause = new Error("connection refused");
  expect(new SlipwayError("store-unavailable", "why", { cause }).cause).toBe(cause);
  expect(new SlipwayError("store-unavailable", "why")).not.toHaveProperty("cause");
});

test("anything thrown becomes an error of ours", () => {
  const ours = new SlipwayError("conflict", "taken");
  expect(toSlipwayError(ours)).toBe(ours);
  const theirs = new TypeError("x is not a function");
  expect(toSlipwayError(theirs)).toMatchObject({ code: "internal", message: theirs.message, cause: theirs });
  expect(toSlipwayError("a string")).toMatchObject({
    code: "internal",
    message: "a string",
    cause: "a string",
  });
});

test("a 404 names its resource, a 422 its field", () => {
  expect(notFound("app")).toMatchObject({ code: "not-found", resource: "app", message: "app not found" });
  expect(invalidField("name", "is taken")).toMatchObject({
    code: "invalid",
    message: "name is taken",
    fields: { name: ["is taken"] },
  });
});
