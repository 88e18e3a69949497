// GET /v1/apps/:app/operations/:operation: the status of a restart or a scaling.

import { notFound } from "@slipway/core";
import { operationAnswer } from "@slipway/protocol";
import type { ApiContext } from "../api-context.ts";
import { presentOperation } from "./presenter.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

export function operationRoutes({ store }: ApiContext): Route[] {
  return [
    route({
      method: "get",
      path: "/apps/:app/operations/:operation",
      summary: "Show an operation: pending, running, done or error",
      access: "app:read",
      answer: { status: 200, json: operationAnswer },
      async handle({ app, params }) {
        const operation = await store.operations.get(params.operation);
        if (operation === null || operation.appId !== app.id) throw notFound("operation");
        return { operation: presentOperation(operation) };
      },
    }),
  ];
}
