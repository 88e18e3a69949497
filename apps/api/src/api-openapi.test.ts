import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aName, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";
import { seedFor } from "./test-seed.ts";
import type { Seed } from "./test-seed.ts";

interface Content {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

interface Operation {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Record<string, { schema?: { examples?: unknown[] } }> };
  /** A refusal is a reference to what the document says of its status. */
  readonly responses: Readonly<Record<string, Content & { readonly $ref?: string }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, Content>> };
}

/** Formats are told to readers; what is right is for the schemas' own rules. */
/** Headers of ours: those that a client has to be told of. */
const told = /^(ratelimit-|x-request-id|retry-after|location|idempotent-|www-authenticate)/;

const ajv = new Ajv2020({ strict: false, validateFormats: false });

describe.skipIf(await lacksRedis())("the API's description", () => {
  let api: TestApi;
  let document: Document;

  beforeAll(async () => {
    api = await startTestApi();
    document = (await (await fetch(new URL("/v1/openapi.json", api.url))).json()) as Document;
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test("is valid OpenAPI 3.1, with an id of its own for every operation", async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone(document) as object as Record<string, unknown>,
    );
    expect([valid, errors]).toEqual([true, undefined]);
    const ids = operations().map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(20);
  });

  test("is what the routes do: each, asked with its example, answers as it says", async () => {
    for (const [path, method, operation] of operations()) {
      const asked = `${method} ${path}`;
      const { type, body } = bodyOf(operation, asked);
      const answer = await fetch(urlOf(path, operation, await seedFor(api, method)), {
        method: method.toUpperCase(),
        headers: { "content-type": type, ...authorizationOf(operation) },
        ...(body === undefined ? {} : { body }),
      });
      expect([asked, answer.status]).toEqual([asked, successOf(operation)]);
      await expectAsDescribed(asked, operation, answer);
    }
  }, 60_000);

  test("is what following an output does: events to the end, and nothing for who has them", async () => {
    const path = "/apps/{app}/deployments/{deployment}/output";
    const operation = document.paths[path]?.["get"];
    if (operation === undefined) throw new Error(`${path} is not described`);
    const seed = await seedFor(api, "get");
    await api.ask(
      api.operatorToken,
      "POST",
      `/v1/apps/${seed["app"]}/deployments/${seed["deployment"]}/abort`,
    );
    const url = urlOf(path, operation, seed);
    url.searchParams.set("follow", "1");
    const headers = new Headers(authorizationOf(operation));
    await expectAsDescribed("following", operation, await fetch(url, { headers }));
    headers.set(operation.parameters.find((parameter) => parameter.in === "header")?.name ?? "", "99.99");
    const over = await fetch(url, { headers });
    expect(over.status).toBe(204);
    await expectAsDescribed("following again", operation, over);
  });

  test("covers refusals: without a token, and of what is not there", async () => {
    for (const [path, method, operation] of operations()) {
      const open = operation.security.length === 0;
      const asked = `${method} ${path}`;
      const url = urlOf(path, operation, {});
      const bare = { method: method.toUpperCase(), headers: { "content-type": "application/json" } };
      const { type, body } = bodyOf(operation, asked);
      const headers = { "content-type": type, ...authorizationOf(operation) };
      const signed = { ...bare, ...(body === undefined ? {} : { body }), headers };
      const refusals = [
        ...(open ? [] : [{ request: bare, status: 401 }]),
        ...(path.includes("{") ? [{ request: signed, status: open ? 403 : 404 }] : []),
      ];
      for (const { request, status } of refusals) {
        const answer = await fetch(url, request);
        expect([asked, answer.status]).toEqual([asked, status]);
        await expectAsDescribed(asked, operation, answer);
      }
    }
  }, 60_000);

  test("has a page for people, with all it needs from here", async () => {
    const page = await fetch(new URL("/docs", api.url));
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const html = await page.text();
    for (const [, file = ""] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const answer = await fetch(new URL(file, new URL("/docs", api.url)));
      expect([file, answer.status]).toEqual([file, 200]);
    }
    expect((await fetch(new URL("/docs/package.json", api.url))).status).toBe(404);
    expect((await fetch(new URL("/docs/..%2fpackage.json", api.url))).status).toBe(404);
  });

  function operations(): [path: string, method: string, operation: Operation][] {
    return Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
        path,
        method,
        operation,
      ]),
    );
  }

  function urlOf(path: string, { parameters }: Operation, seed: Seed): URL {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => seed[name] ?? "nothing-of-the-kind");
    const url = new URL(`/v1${filled}`, api.url);
    const required = parameters.filter(
      (parameter) => parameter.in === "query" && parameter.required === true,
    );
    for (const { name } of required) url.searchParams.set(name, seed[name] ?? "");
    return url;
  }

  async function expectAsDescribed(asked: string, { responses }: Operation, answer: Response): Promise<void> {
    const given = responses[answer.status];
    expect([asked, answer.status, given !== undefined]).toEqual([asked, answer.status, true]);
    const described = given?.$ref === undefined ? given : document.components.responses[answer.status];
    const types = Object.keys(described?.content ?? {});
    const [type = ""] = (answer.headers.get("content-type") ?? "").split(";");
    expect([asked, type === "" ? [""] : types]).toEqual([asked, expect.arrayContaining([type])]);
    const headers = Object.keys(Object.fromEntries(answer.headers)).filter((name) => told.test(name));
    const names = Object.keys(described?.headers ?? {}).map((name) => name.toLowerCase());
    expect([asked, names]).toEqual([asked, expect.arrayContaining(headers)]);
    const text = await answer.text();
    if (type !== "application/json") return;
    const validate = ajv.compile(described?.content?.[type]?.schema ?? false);
    const valid = validate(JSON.parse(text));
    expect([asked, valid, validate.errors]).toEqual([asked, true, null]);
  }

  function authorizationOf({ security }: Operation): Record<string, string> {
    if (security.some((scheme) => "bearer" in scheme))
      return { authorization: `Bearer ${api.operatorToken}` };
    const basic = Buffer.from(`:${api.operatorToken}`).toString("base64");
    return security.length === 0 ? {} : { authorization: `Basic ${basic}` };
  }
});

/** The example that the document gives, with a new name in it where it has to be one; of bytes any. */
function bodyOf({ requestBody }: Operation, asked: string): { type: string; body?: string } {
  if (requestBody === undefined) return { type: "application/json" };
  const [[type, { schema }] = ["", {}]] = Object.entries(requestBody.content);
  if (type !== "application/json") return { type, body: "archive" };
  const [example] = schema?.examples ?? [];
  if (example === undefined) throw new Error(`${asked} has no example`);
  return { type, body: JSON.stringify(example).replace('"my-app"', `"${aName()}"`) };
}

function successOf({ responses }: Operation): number {
  return Number(Object.keys(responses).find((status) => status.startsWith("2")));
}
