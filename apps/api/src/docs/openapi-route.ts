// GET /v1/openapi.json: the API's OpenAPI description.

import { z } from "zod";
import { openApiDocument } from "../http/openapi.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

/** @param others the routes to describe, besides this one. */
export function openApiRoute(apiUrl: string, others: readonly Route[]): Route {
  let document: Readonly<Record<string, unknown>> | undefined;
  const own = route({
    method: "get",
    path: "/openapi.json",
    summary: "Show this OpenAPI description",
    access: "anyone",
    answer: { status: 200, json: z.looseObject({ openapi: z.string() }) },
    async handle() {
      document ??= openApiDocument([...others, own], `${apiUrl}/v1`);
      return document as { openapi: string };
    },
  });
  return own;
}
