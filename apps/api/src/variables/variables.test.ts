import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { VariableAnswer, VariablesAnswer } from "@slipway/protocol";
import { aName, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { Answer, TestApi } from "../../test-support/api.ts";

const one = (answer: Answer) => (answer.body as VariableAnswer).variable;
const named = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `V${from + index}`, value: "x" }));

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
    await api.request(token, "POST", "/v1/apps", { app: { name } });
    path = `/v1/apps/${name}/variables`;
  });

  const request = (method: string, rest = "", body?: unknown) =>
    api.request(token, method, path + rest, body);
  const list = async () => ((await request("GET")).body as VariablesAnswer).variables;

  test("variables are set in bulk, keep existing ones, and are listed by name", async () => {
    await request("POST", "", { variable: { name: "KEPT", value: "1" } });
    const variables = [
      { id: "", name: "B", value: "2" },
      { id: "", name: "A", value: "" },
    ];
    const answer = await request("PUT", "", { variables });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        variables: [
          { id: expect.any(String), name: "B", value: "2", scope: "both" },
          { id: expect.any(String), name: "A", value: "", scope: "both" },
        ],
      },
    ]);
    expect((await list()).map(({ name, value }) => `${name}=${value}`)).toEqual(["A=", "B=2", "KEPT=1"]);
  });

  test("variables are set and set again by name, changed by id, and unset", async () => {
    const first = await request("POST", "", { variable: { id: "", name: "PORTS", value: "1" } });
    expect(first.status).toBe(201);
    const { id } = one(first);
    expect(one(await request("POST", "", { variable: { name: "PORTS", value: "2" } }))).toEqual({
      id,
      name: "PORTS",
      value: "2",
      scope: "both",
    });
    const changed = await request("PATCH", `/${id}`, { variable: { value: "3" } });
    expect([changed.status, changed.body]).toEqual([
      200,
      { variable: { id, name: "PORTS", value: "3", scope: "both" } },
    ]);
    const deleted = await request("DELETE", `/${id}`);
    expect([deleted.status, deleted.text]).toEqual([204, ""]);
    const none = { resource: "variable", error: "variable not found" };
    const again = await request("DELETE", `/${id}`);
    expect([again.status, again.body]).toEqual([404, none]);
    const patched = await request("PATCH", `/${id}`, { variable: { value: "4" } });
    expect([patched.status, patched.body]).toEqual([404, none]);
  });

  test("a variable keeps its scope until another is given, and a new one is for builds and releases", async () => {
    const set = async (body: object) =>
      one(await request("POST", "", { variable: { name: "TOKEN", ...body } }));
    const { id } = await set({ value: "1", scope: "build" });
    expect(await set({ value: "2" })).toEqual({ id, name: "TOKEN", value: "2", scope: "build" });
    const patch = async (body: object) => one(await request("PATCH", `/${id}`, { variable: body }));
    expect((await patch({ value: "3" })).scope).toBe("build");
    expect((await patch({ value: "3", scope: "run" })).scope).toBe("run");
    const refused = await request("POST", "", { variable: { name: "TOKEN", value: "4", scope: "hook" } });
    expect(refused.status).toBe(422);
    expect(await list()).toEqual([{ id, name: "TOKEN", value: "3", scope: "run" }]);
  });

  test("variables are unset in bulk, ignoring unknown ids", async () => {
    await request("PUT", "", { variables: ["A", "B", "C"].map((name) => ({ name, value: "x" })) });
    const [a, b] = await list();
    const answer = await request("DELETE", "", { variable_ids: [a?.id, b?.id, "unknown"] });
    expect(answer.status).toBe(204);
    expect((await list()).map(({ name }) => name)).toEqual(["C"]);
  });

  test("variables get 422 naming the invalid field", async () => {
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
      const answer = await request(method, "", body);
      expect([answer.status, answer.body]).toEqual([
        422,
        { errors: { [field]: [expect.any(String)] }, error: expect.stringContaining(field) },
      ]);
    }
    expect(await list()).toEqual([]);
  });

  test("variables have a maximum number per app", async () => {
    expect((await request("PUT", "", { variables: named(0, 500) })).status).toBe(200);
    expect((await request("PUT", "", { variables: named(0, 500) })).status).toBe(200);
    expect((await request("PUT", "", { variables: named(500, 1) })).status).toBe(422);
    expect(await list()).toHaveLength(500);
  });
});
