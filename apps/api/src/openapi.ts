// The API's description, made of the routes themselves. Source of the format: https://spec.openapis.org/oas/v3.1.1.html

import { z } from "zod";
import { errorBody, forbiddenBody, invalidBody, notFoundBody } from "@slipway/protocol";
import type { Route, RouteFacts } from "./route.ts";

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

/** What each refusal means, whatever the route. */
const refusals: Readonly<Record<number, { readonly description: string; readonly schema: z.ZodType }>> = {
  400: { description: "The request is malformed.", schema: errorBody },
  401: { description: "No token, or one that is not valid.", schema: errorBody },
  403: { description: "The caller may not do this.", schema: forbiddenBody },
  404: { description: "There is none, or the caller may not know of it.", schema: notFoundBody },
  409: { description: "It cannot be done as things stand.", schema: errorBody },
  413: { description: "The body is too large.", schema: errorBody },
  415: { description: "The body is not of a type that is read.", schema: errorBody },
  422: { description: "Fields are wrong; each is named.", schema: invalidBody },
  429: { description: "Too many requests; Retry-After says when to come again.", schema: errorBody },
  500: { description: "A fault of the platform.", schema: errorBody },
  503: { description: "A part of the platform does not answer; try again.", schema: errorBody },
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
    components: { securitySchemes, responses: responsesOf() },
  };
}

function operationOf(route: RouteFacts): Json {
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.path.split("/").findLast((part) => /^[a-z]/.test(part)) ?? "api"],
    security: securityOf(route),
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)],
    ...(route.body === undefined ? {} : { requestBody: requestBodyOf(route.body) }),
    responses: { [route.answer.status]: answerOf(route), ...refusalsOf(route) },
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

function requestBodyOf(body: z.ZodType): Json {
  return { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } };
}

function answerOf({ answer, summary }: RouteFacts): Json {
  if ("json" in answer) return jsonAnswer(summary, answer.json);
  if (!("type" in answer)) return { description: summary };
  return { description: summary, content: { [answer.type]: { schema: { type: "string" } } } };
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
    Object.entries(refusals).map(([status, { description, schema }]) => [
      status,
      jsonAnswer(description, schema),
    ]),
  );
}

function jsonAnswer(description: string, schema: z.ZodType): Json {
  return { description, content: { "application/json": { schema: schemaOf(schema, "output") } } };
}

/** Bodies as clients write them, answers as they read them. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
