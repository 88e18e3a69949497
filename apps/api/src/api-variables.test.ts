import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { VariableAnswer, VariablesAnswer } from "@slipway/protocol";
import { aName, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "./test-api.ts";
import type { Answer, TestApi } from "./test-api.ts";

const one = (answer: Answer) => (answer.body as VariableAnswer).variable;
const named = (from: number, count: number) =>
  Array.from({ length: count }, (_, place) => ({ name: `V${from + place}`, value: "x" }));

describe.skipIf(await lacksRedis())("variables", () => {
  let api: TestApi;
  let token: string;
  let path: string;

  beforeAll(async () => {
    api = await startTestApi();
    ({ token } = await api.newUser());
  });
  afterAll(() => api[Symbol.asyncDispose]());
  beforeEach(async () => {
    const name = aName();
    await api.ask(token, "POST", "/v1/apps", { app: { name } });
    path = `/v1/apps/${name}/variables`;
  });

  const ask = (method: string, rest = "", body?: unknown) => api.ask(token, method, path + rest, body);
  const list = async () => ((await ask("GET")).body as VariablesAnswer).variables;

  test("are set in bulk beside those that are there, and listed by name", async () => {
    await ask("POST", "", { variable: { name: "KEPT", value: "1" } });
    const variables = [
      { id: "", name: "B", value: "2" },
      { id: "", name: "A", value: "" },
    ];
    const answer = await ask("PUT", "", { variables });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        variables: [
          { id: expect.any(String), name: "B", value: "2" },
          { id: expect.any(String), name: "A", value: "" },
        ],
      },
    ]);
    expect((await list()).map(({ name, value }) => `${name}=${value}`)).toEqual(["A=", "B=2", "KEPT=1"]);
  });

  test("one is set, set again under its name, changed by its id and unset", async () => {
    const first = await ask("POST", "", { variable: { id: "", name: "PORTS", value: "1" } });
    expect(first.status).toBe(201);
    const { id } = one(first);
    expect(one(await ask("POST", "", { variable: { name: "PORTS", value: "2" } }))).toEqual({
      id,
      name: "PORTS",
      value: "2",
    });
    const changed = await ask("PATCH", `/${id}`, { variable: { value: "3" } });
    expect([changed.status, changed.body]).toEqual([200, { variable: { id, name: "PORTS", value: "3" } }]);
    const gone = await ask("DELETE", `/${id}`);
    expect([gone.status, gone.text]).toEqual([204, ""]);
    const none = { resource: "variable", error: "variable not found" };
    const again = await ask("DELETE", `/${id}`);
    expect([again.status, again.body]).toEqual([404, none]);
    const patched = await ask("PATCH", `/${id}`, { variable: { value: "4" } });
    expect([patched.status, patched.body]).toEqual([404, none]);
  });

  test("many are unset at once, also such as are not there", async () => {
    await ask("PUT", "", { variables: ["A", "B", "C"].map((name) => ({ name, value: "x" })) });
    const [a, b] = await list();
    const answer = await ask("DELETE", "", { variable_ids: [a?.id, b?.id, "gone"] });
    expect(answer.status).toBe(204);
    expect((await list()).map(({ name }) => name)).toEqual(["C"]);
  });

  test("wrong ones are a 422 that says which", async () => {
    const cases = [
      ["POST", { variable: { name: "1A", value: "x" } }, "name"],
      ["POST", { variable: { name: "A" } }, "value"],
      ["POST", { variable: { name: "A", value: "x".repeat(8 * 1024 + 1) } }, "value"],
      ["POST", {}, "variable"],
      [
        "PUT",
        {
          variables: [
            { name: "A", value: "1" },
            { name: "B C", value: "2" },
          ],
        },
        "variables.1.name",
      ],
      [
        "PUT",
        {
          variables: [
            { name: "A", value: "1" },
            { name: "A", value: "2" },
          ],
        },
        "variables",
      ],
      ["DELETE", { variable_ids: "all" }, "variable_ids"],
    ] as const;
    for (const [method, body, field] of cases) {
      const answer = await ask(method, "", body);
      expect([answer.status, answer.body]).toEqual([
        422,
        { errors: { [field]: [expect.any(String)] }, error: expect.stringContaining(field) },
      ]);
    }
    expect(await list()).toEqual([]);
  });

  test("an app has so many and no more", async () => {
    expect((await ask("PUT", "", { variables: named(0, 500) })).status).toBe(200);
    expect((await ask("PUT", "", { variables: named(0, 500) })).status).toBe(200);
    expect((await ask("PUT", "", { variables: named(500, 1) })).status).toBe(422);
    expect(await list()).toHaveLength(500);
  });
});
