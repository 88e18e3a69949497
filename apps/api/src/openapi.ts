// The API's description, made of the routes themselves. Source of the format: https://spec.openapis.org/oas/v3.1.1.html

import { z } from "zod";
import { errorBody, forbiddenBody, invalidBody, notFoundBody } from "@slipway/protocol";
import type { Answer, Route, RouteFacts } from "./route.ts";

type Json = Readonly<Record<string, unknown>>;

const about = {
  title: "Slipway",
  version: "1",
  summary: "Builds and deploys apps from source archives, one deployment at a time per app.",
  description:
    "The paths and bodies of Scalingo's deployments API, and some of Slipway's own. A bearer token is an API token, or the JWT that POST /tokens/exchange gives for one. How deployments are followed live is told in docs/protocol.md.",
  license: { name: "MIT", identifier: "MIT" },
};

const securitySchemes = {
  bearer: { type: "http", scheme: "bearer", description: "A JWT of one hour, or an API token." },
  basic: { type: "http", scheme: "basic", description: "The credentials that the route names." },
};

interface Refusal {
  readonly description: string;
  readonly schema: z.ZodType;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Headers that any answer may have; those of limits it has where there is one. */
const everyAnswer = {
  "RateLimit-Limit": "How many requests one may make in a window of time.",
  "RateLimit-Policy": "The same, with the window's length in seconds: `LIMIT;w=SECONDS`.",
  "RateLimit-Remaining": "How many are left in this window.",
  "RateLimit-Reset": "In how many seconds the window ends.",
  "X-Request-Id": "The request's id, as it stands in the log; the client's own where it gave a harmless one.",
};
const everyHeader = Object.fromEntries(
  Object.keys(everyAnswer).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);
const retryAfter = { "Retry-After": "In how many seconds to come again." };

/** What each refusal means, whatever the route. */
const refusals: Readonly<Record<number, Refusal>> = {
  400: { description: "The request is malformed.", schema: errorBody },
  401: {
    description: "No token, or one that is not valid.",
    schema: errorBody,
    headers: { "WWW-Authenticate": "Where a bearer is asked for." },
  },
  403: { description: "The caller may not do this.", schema: forbiddenBody },
  404: { description: "There is none, or the caller may not know of it.", schema: notFoundBody },
  409: { description: "It cannot be done as things stand.", schema: errorBody },
  413: { description: "The body is too large.", schema: errorBody },
  415: { description: "The body is not of a type that is read.", schema: errorBody },
  422: { description: "Fields are wrong; each is named.", schema: invalidBody },
  429: {
    description: "Too many requests; Retry-After says when to come again.",
    schema: errorBody,
    headers: retryAfter,
  },
  500: { description: "A fault of the platform.", schema: errorBody },
  503: {
    description: "A part of the platform does not answer; try again.",
    schema: errorBody,
    headers: retryAfter,
  },
};

/** @param serverUrl what the routes' paths are below. @returns an OpenAPI 3.1 document. */
export function openApiDocument(routes: readonly Route[], serverUrl: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) (paths[templateOf(route.path)] ??= {})[route.method] = operationOf(route);
  return {
    openapi: "3.1.1",
    info: about,
    servers: [{ url: serverUrl }],
    paths,
    components: { securitySchemes, headers: headersOf(everyAnswer), responses: responsesOf() },
  };
}

function operationOf(route: RouteFacts): Json {
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.path.split("/").findLast((part) => /^[a-z]/.test(part)) ?? "api"],
    security: securityOf(route),
    parameters: [
      ...pathParameters(route),
      ...signatureParameters(route),
      ...queryParameters(route),
      ...headerParameters(route),
    ],
    ...requestBodyOf(route),
    responses: { ...answersOf(route), ...refusalsOf(route) },
  };
}

/** `/apps/:app` as `/apps/{app}`. */
function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

function operationId({ method, path }: RouteFacts): string {
  const words = path.split(/[^A-Za-z]+/).filter((word) => word !== "");
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function securityOf({ access }: RouteFacts): readonly Json[] {
  if (access === "anyone" || access === "signed-url") return [];
  if (access === "login") return [{ basic: [] }, { bearer: [] }];
  return access === "credentials" ? [{ basic: [] }] : [{ bearer: [] }];
}

function pathParameters({ path }: RouteFacts): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
    description: name === "app" ? "Name or id." : "Id.",
  }));
}

/** What makes a URL a signed one. */
function signatureParameters({ access }: RouteFacts): Json[] {
  if (access !== "signed-url") return [];
  return ["expires", "signature"].map((name) => ({
    name,
    in: "query",
    required: true,
    description: "As in the URL that was given out.",
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: RouteFacts): Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query, "input") as {
    properties?: Json;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

function headerParameters({ headers = {} }: RouteFacts): Json[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    description,
    schema: { type: "string" },
  }));
}

function requestBodyOf({ body, upload }: RouteFacts): Json {
  if (upload !== undefined) return { requestBody: { required: true, content: { [upload]: {} } } };
  if (body === undefined) return {};
  return {
    requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } },
  };
}

function answersOf({ answer, otherAnswers = [], answerHeaders = {}, summary }: RouteFacts): Json {
  const byStatus = Map.groupBy([answer, ...otherAnswers], ({ status }) => status);
  const headers = { ...everyHeader, ...headersOf(answerHeaders) };
  const answers = Array.from(byStatus, ([status, alike]) => {
    const content = Object.assign({}, ...alike.map(contentOf)) as Json;
    const body = Object.keys(content).length === 0 ? {} : { content };
    return [status, { description: summary, headers, ...body }] as const;
  });
  return Object.fromEntries(answers);
}

/** Texts are texts; of other bytes the type says all. */
function contentOf(answer: Answer): Json {
  if ("json" in answer) return { "application/json": { schema: schemaOf(answer.json, "output") } };
  if (!("type" in answer)) return {};
  return { [answer.type]: answer.type.startsWith("text/") ? { schema: { type: "string" } } : {} };
}

function headersOf(descriptions: Readonly<Record<string, string>>): Json {
  const described = Object.entries(descriptions).map(([name, description]) => [
    name,
    { description, schema: { type: "string" } },
  ]);
  return Object.fromEntries(described) as Json;
}

/** Those that follow from what the route reads and whom it lets in, and those it names. */
function refusalsOf(route: RouteFacts): Record<string, Json> {
  const { access, path, query, body, problems = [] } = route;
  const anybody = access === "anyone" || access === "signed-url";
  const statuses = [
    ...(anybody ? [] : [401]),
    ...(anybody && access === "anyone" ? [] : [403]),
    ...(path.includes(":") ? [404] : []),
    ...(query === undefined && body === undefined ? [] : [422]),
    ...(body === undefined ? [] : [400, 413, 415]),
    ...problems,
    429,
    500,
    503,
  ];
  return Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/${status}` }]));
}

function responsesOf(): Json {
  return Object.fromEntries(
    Object.entries(refusals).map(([status, { description, schema, headers = {} }]) => [
      status,
      {
        description,
        headers: { ...everyHeader, ...headersOf(headers) },
        content: { "application/json": { schema: schemaOf(schema, "output") } },
      },
    ]),
  );
}

/** Bodies as clients write them, answers as they read them. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
