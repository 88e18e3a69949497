import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aName, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";
import { seedFor } from "../../test-support/seed.ts";
import type { Seed } from "../../test-support/seed.ts";
import { joinTestWorker, workerId } from "../../test-support/worker.ts";

interface Content {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema?: object; readonly example?: unknown }>>;
}

interface Operation {
  readonly operationId: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Record<string, { schema?: { examples?: unknown[] } }> };
  /** Error responses are references to `components.responses`. */
  readonly responses: Readonly<Record<string, Content & { readonly $ref?: string }>>;
}

interface Document {
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, Content>> };
}

/** Response headers that the document must describe. */
const documentedHeaders = /^(ratelimit-|x-request-id|retry-after|location|idempotent-|www-authenticate)/;

// Formats are not validated: they are hints for readers.
const ajv = new Ajv2020({ strict: false, validateFormats: false });

describe.skipIf(await lacksRedis())("the OpenAPI description", () => {
  let api: TestApi;
  let document: Document;

  beforeAll(async () => {
    api = await startTestApi();
    document = (await (await fetch(new URL("/v1/openapi.json", api.url))).json()) as Document;
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test("the OpenAPI description is valid OpenAPI 3.1 with unique operation ids", async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone(document) as object as Record<string, unknown>,
    );
    expect([valid, errors]).toEqual([true, undefined]);
    const ids = operations().map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(20);
  });

  test("each operation has one tag of a few, and a description that says who may call it", () => {
    const names = document.tags.map(({ name }) => name);
    const used = operations().map(([, , { tags }]) => tags);
    expect(names.length).toBeLessThanOrEqual(12);
    expect(used.filter((tags) => tags.length !== 1 || !names.includes(tags[0] ?? ""))).toEqual([]);
    expect(names.filter((name) => !used.flat().includes(name))).toEqual([]);
    const ofTimeline = document.paths["/apps/{app}/deployments/{deployment}/timeline"]?.["get"];
    expect(ofTimeline).toMatchObject({
      tags: ["Deployments"],
      description: expect.stringContaining("operator, owner, collaborator, limited"),
    });
    for (const [path, method, { description = "" }] of operations())
      expect([`${method} ${path}`, description]).toEqual([
        `${method} ${path}`,
        expect.stringMatching(/\. (For|No authentication|The )/),
      ]);
  });

  test("each response with JSON has an example that fits its schema", () => {
    for (const [path, method, { responses }] of operations())
      for (const [status, { content }] of Object.entries(responses)) {
        const { schema, example } = content?.["application/json"] ?? {};
        if (schema === undefined) continue;
        const validate = ajv.compile(schema);
        const label = `${method} ${path} ${status}`;
        expect([label, validate(example), validate.errors]).toEqual([label, true, null]);
      }
  });

  test("the OpenAPI description matches each route's response to its example request", async () => {
    await using _worker = await joinTestWorker(api);
    for (const [path, method, operation] of operations()) {
      const label = `${method} ${path}`;
      const { type, body } = bodyOf(operation, label);
      const seed = { ...(await seedFor(api, method)), worker: workerId };
      const answer = await fetch(urlOf(path, operation, seed), {
        method: method.toUpperCase(),
        headers: { "content-type": type, ...authorizationOf(operation) },
        ...(body === undefined ? {} : { body }),
      });
      expect([label, answer.status]).toEqual([label, successOf(operation)]);
      await expectAsDescribed(label, operation, answer);
    }
  }, 60_000);

  test("the OpenAPI description matches the output as events, and the 204 for a client that has received all events", async () => {
    const path = "/apps/{app}/deployments/{deployment}/output";
    const operation = document.paths[path]?.["get"];
    if (operation === undefined) throw new Error(`${path} is not described`);
    const seed = await seedFor(api, "get");
    await api.request(
      api.operatorToken,
      "POST",
      `/v1/apps/${seed["app"]}/deployments/${seed["deployment"]}/abort`,
    );
    const url = urlOf(path, operation, seed);
    url.searchParams.set("follow", "1");
    const headers = new Headers(authorizationOf(operation));
    await expectAsDescribed("following", operation, await fetch(url, { headers }));
    headers.set(operation.parameters.find((parameter) => parameter.in === "header")?.name ?? "", "99.99");
    const again = await fetch(url, { headers });
    expect(again.status).toBe(204);
    await expectAsDescribed("following again", operation, again);
  });

  test("the OpenAPI description matches the errors for a missing token and for unknown ids", async () => {
    for (const [path, method, operation] of operations()) {
      const open = operation.security.length === 0;
      const label = `${method} ${path}`;
      const url = urlOf(path, operation, {});
      const bare = { method: method.toUpperCase(), headers: { "content-type": "application/json" } };
      const { type, body } = bodyOf(operation, label);
      const headers = { "content-type": type, ...authorizationOf(operation) };
      const signed = { ...bare, ...(body === undefined ? {} : { body }), headers };
      const errors = [
        ...(open ? [] : [{ request: bare, status: 401 }]),
        ...(path.includes("{") ? [{ request: signed, status: open ? 403 : 404 }] : []),
      ];
      for (const { request, status } of errors) {
        const answer = await fetch(url, request);
        expect([label, answer.status]).toEqual([label, status]);
        await expectAsDescribed(label, operation, answer);
      }
    }
  }, 60_000);

  test("the OpenAPI description has a page at /docs that loads only its own files", async () => {
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
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => seed[name] ?? "unknown");
    const url = new URL(`/v1${filled}`, api.url);
    const required = parameters.filter(
      (parameter) => parameter.in === "query" && parameter.required === true,
    );
    for (const { name } of required) url.searchParams.set(name, seed[name] ?? "");
    return url;
  }

  async function expectAsDescribed(label: string, { responses }: Operation, answer: Response): Promise<void> {
    const listed = responses[answer.status];
    expect([label, answer.status, listed !== undefined]).toEqual([label, answer.status, true]);
    const described = listed?.$ref === undefined ? listed : document.components.responses[answer.status];
    const types = Object.keys(described?.content ?? {});
    const [type = ""] = (answer.headers.get("content-type") ?? "").split(";");
    expect([label, type === "" ? [""] : types]).toEqual([label, expect.arrayContaining([type])]);
    const headers = Object.keys(Object.fromEntries(answer.headers)).filter((name) =>
      documentedHeaders.test(name),
    );
    const names = Object.keys(described?.headers ?? {}).map((name) => name.toLowerCase());
    expect([label, names]).toEqual([label, expect.arrayContaining(headers)]);
    const text = await answer.text();
    if (type !== "application/json") return;
    const validate = ajv.compile(described?.content?.[type]?.schema ?? false);
    const valid = validate(JSON.parse(text));
    expect([label, valid, validate.errors]).toEqual([label, true, null]);
  }

  function authorizationOf({ security }: Operation): Record<string, string> {
    if (security.some((scheme) => "bearer" in scheme))
      return { authorization: `Bearer ${api.operatorToken}` };
    const basic = Buffer.from(`:${api.operatorToken}`).toString("base64");
    return security.length === 0 ? {} : { authorization: `Basic ${basic}` };
  }
});

/** The documented example with a new app name, or arbitrary bytes for other content types. */
function bodyOf({ requestBody }: Operation, label: string): { type: string; body?: string } {
  if (requestBody === undefined) return { type: "application/json" };
  const [[type, { schema }] = ["", {}]] = Object.entries(requestBody.content);
  if (type !== "application/json") return { type, body: "archive" };
  const [example] = schema?.examples ?? [];
  if (example === undefined) throw new Error(`${label} has no example`);
  return { type, body: JSON.stringify(example).replace('"my-app"', `"${aName()}"`) };
}

function successOf({ responses }: Operation): number {
  return Number(Object.keys(responses).find((status) => status.startsWith("2")));
}
