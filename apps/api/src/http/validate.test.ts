import { expect, test } from "vitest";
import {
  createAppRequest,
  createDeploymentRequest,
  setVariablesRequest,
  unsetVariablesRequest,
} from "@slipway/protocol";
import { gitRefOf } from "../deployments/idempotency.ts";
import { parseBody } from "./validate.ts";

test("errors name each invalid field by its name in the request, with the reason", () => {
  const cases = [
    [createAppRequest, undefined, { app: ["is required"] }],
    [createAppRequest, { app: {} }, { name: ["is required"] }],
    [createAppRequest, { app: { name: 7 } }, { name: ["must be a string"] }],
    [createAppRequest, { app: [] }, { app: ["must be an object"] }],
    [createAppRequest, [], { body: ["must be an object"] }],
    [setVariablesRequest, { variables: {} }, { variables: ["must be an array"] }],
    [unsetVariablesRequest, { variable_ids: [1] }, { "variable_ids.0": ["must be a string"] }],
    [
      setVariablesRequest,
      { variables: [{ name: "A" }, { value: null }] },
      {
        "variables.0.value": ["is required"],
        "variables.1.name": ["is required"],
        "variables.1.value": ["must be a string"],
      },
    ],
    [createAppRequest, { app: { name: "a\uD800" } }, { name: ["is not well-formed text"] }],
    [
      setVariablesRequest,
      { variables: [{ name: "A", value: "\uDC00\uD83D" }] },
      { "variables.0.value": ["is not well-formed text"] },
    ],
  ] as const;
  for (const [schema, body, fields] of cases) {
    expect(() => parseBody(schema, body)).toThrow(
      expect.objectContaining({ code: "invalid", fields }) as Error,
    );
  }
});

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
