import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changeApp } from "@slipway/core";
import type { SourceAnswer } from "@slipway/protocol";
import {
  aCollaborator,
  aLogChunk,
  aName,
  aNewDeployment,
  aNewRelease,
  aUser,
  anApiToken,
  anOperation,
  anApp,
  aNotifier,
  lacksRedis,
} from "@slipway/testkit";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Operation {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Record<string, { schema: { examples?: unknown[] } }> };
  /** A refusal is a reference to what the document says of its status. */
  readonly responses: Readonly<Record<string, Content & { readonly $ref?: string }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, Content>> };
}

type Seed = Readonly<Record<string, string>>;

/** Formats are told to readers; what is right is for the schemas' own rules. */
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
      const seed = await seeded();
      const asked = `${method} ${path}`;
      const answer = await fetch(urlOf(path, method, operation, seed), {
        method: method.toUpperCase(),
        headers: { "content-type": "application/json", ...authorizationOf(operation) },
        ...bodyOf(operation, asked),
      });
      expect([asked, answer.status]).toEqual([asked, successOf(operation)]);
      await expectAsDescribed(asked, operation, answer);
    }
  }, 60_000);

  test("covers refusals: without a token, and of what is not there", async () => {
    for (const [path, method, operation] of operations()) {
      const open = operation.security.length === 0;
      const asked = `${method} ${path}`;
      const url = urlOf(path, method, operation, {});
      const bare = { method: method.toUpperCase(), headers: { "content-type": "application/json" } };
      const headers = { ...bare.headers, ...authorizationOf(operation) };
      const signed = { ...bare, ...bodyOf(operation, asked), headers };
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

  /** One of everything that paths name, and the signed URLs of an upload. */
  async function seeded(): Promise<Seed> {
    const { store } = api;
    const operator = await store.users.byUsername("admin");
    if (operator === null) throw new Error("there is no operator");
    const app = anApp({ name: aName(), ownerId: operator.id });
    await store.apps.create(app);
    const asked = aNewDeployment({ appId: app.id, ownerId: operator.id });
    const deployment = await store.deployments.create(asked);
    await store.logs.append(aLogChunk({ deploymentId: deployment.id, lines: ["one"] }));
    const release = await store.releases.create(aNewRelease({ appId: app.id }));
    await store.apps.compareAndSet(changeApp(app, new Date(), { currentReleaseId: release.id }));
    const operation = anOperation({ appId: app.id });
    await store.operations.create(operation);
    const notifier = aNotifier({ appId: app.id });
    await store.notifiers.create(notifier);
    const variable = { variables: [{ name: "A", value: "b" }] };
    const set = await api.ask(api.operatorToken, "PUT", `/v1/apps/${app.id}/variables`, variable);
    const { user } = await api.newUser();
    const token = anApiToken({ userId: operator.id });
    await store.tokens.create(token);
    const collaborator = aCollaborator({ appId: app.id, userId: user.id });
    await store.collaborators.create(collaborator);
    const grace = aUser({ email: "grace@example.com" });
    if ((await store.users.byEmail(grace.email)) === null) await store.users.create(grace);
    const [full, empty] = [await newSource(), await newSource()];
    await fetch(full.upload_url, { method: "PUT", body: "archive" });
    return {
      app: app.name,
      deployment: deployment.id,
      user: user.id,
      token: token.id,
      collaborator: collaborator.id,
      operation: operation.id,
      notifier: notifier.id,
      variable: (set.body as { variables: { id: string }[] }).variables[0]?.id ?? "",
      "get source": full.download_url,
      "put source": empty.upload_url,
    };
  }

  async function newSource(): Promise<SourceAnswer["source"]> {
    return ((await api.ask(api.operatorToken, "POST", "/v1/sources", {})).body as SourceAnswer).source;
  }

  function urlOf(path: string, method: string, { parameters }: Operation, seed: Seed): URL {
    const signed = path.includes("{source}") ? seed[`${method} source`] : undefined;
    if (signed?.startsWith("http") === true) return new URL(signed);
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => seed[name] ?? "nothing-of-the-kind");
    const url = new URL(`/v1${filled}`, api.url);
    const required = parameters.filter(
      (parameter) => parameter.in === "query" && parameter.required === true,
    );
    for (const { name } of required)
      url.searchParams.set(name, seed[name === "current_name" ? "app" : name] ?? "");
    return url;
  }

  async function expectAsDescribed(asked: string, { responses }: Operation, answer: Response): Promise<void> {
    const given = responses[answer.status];
    expect([asked, answer.status, given !== undefined]).toEqual([asked, answer.status, true]);
    const described = given?.$ref === undefined ? given : document.components.responses[answer.status];
    const types = Object.keys(described?.content ?? {});
    const [type = ""] = (answer.headers.get("content-type") ?? "").split(";");
    expect([asked, types.length === 0 ? "" : type]).toEqual([asked, types[0] ?? ""]);
    const text = await answer.text();
    if (type !== "application/json") return;
    const validate = ajv.compile(described?.content?.[type]?.schema ?? {});
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

/** The example that the document gives. Names in it that have to be new are made so. */
function bodyOf({ requestBody }: Operation, asked: string): { body?: string } {
  if (asked === "put /sources/{source}/archive") return { body: "archive" };
  if (requestBody === undefined) return {};
  const [example] = requestBody.content["application/json"]?.schema.examples ?? [];
  if (example === undefined) throw new Error(`${asked} has no example`);
  return { body: JSON.stringify(example).replace('"my-app"', `"${aName()}"`) };
}

function successOf({ responses }: Operation): number {
  return Number(Object.keys(responses).find((status) => status.startsWith("2")));
}
