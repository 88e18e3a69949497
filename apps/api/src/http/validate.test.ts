import { expect, test } from "vitest";
import { createAppRequest, setVariablesRequest, unsetVariablesRequest } from "@slipway/protocol";
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
