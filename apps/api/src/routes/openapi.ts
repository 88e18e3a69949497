// /v1/openapi.json: the API's description for programs.

import { z } from "zod";
import { openApiDocument } from "../openapi.ts";
import type { Platform } from "../platform.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

/** @param others the routes it describes, besides itself. */
export function openApiRoute({ config }: Platform, others: readonly Route[]): Route {
  let document: Readonly<Record<string, unknown>> | undefined;
  const own = route({
    method: "get",
    path: "/openapi.json",
    summary: "This description",
    access: "anyone",
    answer: { status: 200, json: z.looseObject({ openapi: z.string() }) },
    async handle() {
      document ??= openApiDocument([...others, own], `${config.PUBLIC_API_URL}/v1`);
      return document as { openapi: string };
    },
  });
  return own;
}
