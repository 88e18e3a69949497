import { expect, test } from "vitest";
import { createDeploymentRequest } from "@slipway/protocol";
import { parseBody } from "../http/validate.ts";
import { gitRefOf } from "./idempotency.ts";

const parseFields = (fields: { git_ref?: string | null; postdeploy_hook?: string | null }) =>
  parseBody(createDeploymentRequest, { deployment: { source_url: "http://x", ...fields } }).deployment;

test("a git_ref may be absent, null or empty, and must not contain control characters", () => {
  const refs = [{}, { git_ref: null }, { git_ref: "" }, { git_ref: "v1" }];
  expect(refs.map((fields) => gitRefOf(parseFields(fields)))).toEqual([null, null, null, "v1"]);
  expect(() => parseFields({ git_ref: "v1\n" })).toThrow(/control characters/);
  expect(() => parseFields({ git_ref: "v".repeat(256) })).toThrow(/longer than 255/);
});

test("a hook that cannot run is rejected, and an empty one counts as absent", () => {
  expect(() => parseFields({ postdeploy_hook: "x".repeat(5_000) })).toThrow(/postdeploy_hook is longer/);
  expect(() => parseFields({ postdeploy_hook: "migrate\0" })).toThrow(/contains a NUL/);
  expect(() => parseFields({ postdeploy_hook: "echo \uD83D" })).toThrow(/well-formed/);
  expect(parseFields({ postdeploy_hook: "echo 🚢\nmigrate" }).postdeploy_hook).toBe("echo 🚢\nmigrate");
  expect(parseFields({ postdeploy_hook: "migrate" }).postdeploy_hook).toBe("migrate");
  expect(parseFields({ postdeploy_hook: "" }).source_url).toBe("http://x");
  expect(parseFields({ postdeploy_hook: null }).source_url).toBe("http://x");
});
