import { expect, test } from "vitest";
import {
  createAppRequest,
  createDeploymentRequest,
  setVariablesRequest,
  unsetVariablesRequest,
} from "@slipway/protocol";
import { gitRefOf } from "./idempotency.ts";
import { parseBody } from "./validate.ts";

test("names the fields as the client knows them, and says what is wrong", () => {
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

const parsed = (fields: { git_ref?: string | null; postdeploy_hook?: string | null }) =>
  parseBody(createDeploymentRequest, { deployment: { source_url: "http://x", ...fields } }).deployment;

test("a git_ref may be absent, null or empty, and holds no control characters", () => {
  const refs = [{}, { git_ref: null }, { git_ref: "" }, { git_ref: "v1" }];
  expect(refs.map((fields) => gitRefOf(parsed(fields)))).toEqual([null, null, null, "v1"]);
  expect(() => parsed({ git_ref: "v1\n" })).toThrow(/control characters/);
  expect(() => parsed({ git_ref: "v".repeat(256) })).toThrow(/longer than 255/);
});

test("a hook that would not run is refused, an empty one is none", () => {
  expect(() => parsed({ postdeploy_hook: "x".repeat(5_000) })).toThrow(/postdeploy_hook is longer/);
  expect(() => parsed({ postdeploy_hook: "migrate\0" })).toThrow(/contains a NUL/);
  expect(() => parsed({ postdeploy_hook: "echo \uD83D" })).toThrow(/well-formed/);
  expect(parsed({ postdeploy_hook: "echo 🚢\nmigrate" }).postdeploy_hook).toBe("echo 🚢\nmigrate");
  expect(parsed({ postdeploy_hook: "migrate" }).postdeploy_hook).toBe("migrate");
  expect(parsed({ postdeploy_hook: "" }).source_url).toBe("http://x");
  expect(parsed({ postdeploy_hook: null }).source_url).toBe("http://x");
});
