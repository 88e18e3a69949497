// Generates the OpenAPI description from the routes. Format: https://spec.openapis.org/oas/v3.1.1.html

import { z } from "zod";
import { errorBody, forbiddenBody, invalidBody, notFoundBody } from "@slipway/protocol";
import { exampleOf } from "./openapi-examples.ts";
import { descriptionOf, tagOf, tags } from "./openapi-text.ts";
import type { Answer, Route, RouteFacts } from "./route.ts";

type Json = Readonly<Record<string, unknown>>;

const about = {
  title: "Slipway",
  version: "1",
  summary: "Builds and deploys apps from source archives, one deployment at a time per app.",
  description:
    "Scalingo's deployments API, with additions of Slipway's own. A bearer token is an API token, or the JWT that POST /tokens/exchange returns for one. docs/protocol.md describes how to follow a deployment live.",
  contact: { name: "The operators of this installation" },
  license: { name: "MIT", identifier: "MIT" },
};

const securitySchemes = {
  bearer: { type: "http", scheme: "bearer", description: "A JWT, valid for one hour, or an API token." },
  basic: {
    type: "http",
    scheme: "basic",
    description: "The credentials that the summary of the route names.",
  },
};

interface ErrorResponse {
  readonly description: string;
  readonly schema: z.ZodType;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Headers that any response may have; RateLimit headers only where a limit applies. */
const commonHeaders = {
  "RateLimit-Limit": "The maximum number of requests in the window.",
  "RateLimit-Policy": "The maximum and the length of the window in seconds: `LIMIT;w=SECONDS`.",
  "RateLimit-Remaining": "How many requests are left in the current window.",
  "RateLimit-Reset": "Seconds until the window ends.",
  "X-Request-Id":
    "The request id, as in the log. Taken from the request if it is 8 to 64 letters, digits, dots, underscores or hyphens.",
};
const commonHeaderRefs = Object.fromEntries(
  Object.keys(commonHeaders).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);
const retryAfter = { "Retry-After": "Seconds to wait before the next try." };

/** The error responses that routes share, by status. */
const errorResponses: Readonly<Record<number, ErrorResponse>> = {
  400: { description: "The request is malformed.", schema: errorBody },
  401: {
    description: "The credentials are missing or invalid.",
    schema: errorBody,
    headers: { "WWW-Authenticate": "Set if a bearer token is required." },
  },
  403: { description: "The caller lacks the permission.", schema: forbiddenBody },
  404: { description: "It does not exist, or the caller has no access to it.", schema: notFoundBody },
  408: { description: "The body took too long.", schema: errorBody },
  409: { description: "The current state does not allow it.", schema: errorBody },
  413: { description: "The body is too large.", schema: errorBody },
  415: { description: "The content type of the body is not supported.", schema: errorBody },
  422: { description: "Fields are invalid; each is named.", schema: invalidBody },
  429: {
    description: "Too many requests; try again after Retry-After.",
    schema: errorBody,
    headers: retryAfter,
  },
  500: { description: "Internal error.", schema: errorBody },
  503: {
    description: "The database or the queue is unavailable; try again after Retry-After.",
    schema: errorBody,
    headers: retryAfter,
  },
};

/** @param serverUrl the base URL of the routes' paths. @returns an OpenAPI 3.1 document. */
export function openApiDocument(routes: readonly Route[], serverUrl: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) (paths[templateOf(route.path)] ??= {})[route.method] = operationOf(route);
  return {
    openapi: "3.1.1",
    info: about,
    servers: [{ url: serverUrl }],
    tags,
    paths,
    components: { securitySchemes, headers: headersOf(commonHeaders), responses: responsesOf() },
  };
}

function operationOf(route: RouteFacts): Json {
  return {
    operationId: operationId(route),
    summary: route.summary,
    description: descriptionOf(route),
    tags: [tagOf(route)],
    security: securityOf(route),
    parameters: [
      ...pathParameters(route),
      ...signatureParameters(route),
      ...queryParameters(route),
      ...headerParameters(route),
    ],
    ...requestBodyOf(route),
    responses: { ...answersOf(route), ...errorsOf(route) },
  };
}

/** Converts `/apps/:app` to `/apps/{app}`. */
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

/** The query parameters of a signed URL. */
function signatureParameters({ access }: RouteFacts): Json[] {
  if (access !== "signed-url") return [];
  return ["expires", "signature"].map((name) => ({
    name,
    in: "query",
    required: true,
    description: "As in the signed URL.",
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: RouteFacts): Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query, "input") as {
    properties?: Json;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => {
    const { description } = schema as { readonly description?: string };
    return { name, in: "query", required: required.includes(name), schema, description };
  });
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
  const headers = { ...commonHeaderRefs, ...headersOf(answerHeaders) };
  const answers = Array.from(byStatus, ([status, sameStatus]) => {
    const content = Object.assign({}, ...sameStatus.map(contentOf)) as Json;
    const body = Object.keys(content).length === 0 ? {} : { content };
    return [status, { description: summary, headers, ...body }] as const;
  });
  return Object.fromEntries(answers);
}

/** Binary types have no schema. */
function contentOf(answer: Answer): Json {
  if ("json" in answer) {
    const schema = schemaOf(answer.json, "output");
    return { "application/json": { schema, example: exampleOf(schema) } };
  }
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

/** The error responses that follow from the route's access, path, query and body, and the additional ones that the route lists. */
function errorsOf(route: RouteFacts): Record<string, Json> {
  const { access, path, query, body, problems = [] } = route;
  const withoutLogin = access === "anyone" || access === "signed-url";
  const statuses = [
    ...(withoutLogin ? [] : [401]),
    ...(access === "anyone" ? [] : [403]),
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
    Object.entries(errorResponses).map(([status, { description, schema, headers = {} }]) => [
      status,
      {
        description,
        headers: { ...commonHeaderRefs, ...headersOf(headers) },
        content: { "application/json": { schema: schemaOf(schema, "output") } },
      },
    ]),
  );
}

/** "input" describes what clients may send, "output" what they receive. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
