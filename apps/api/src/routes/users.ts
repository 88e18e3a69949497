// GET /v1/users/self: who the bearer is.

import { selfAnswer } from "@slipway/protocol";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

export function userRoutes(): Route[] {
  return [
    route({
      method: "get",
      path: "/users/self",
      summary: "Show who the bearer is",
      access: "account:use",
      answer: { status: 200, json: selfAnswer },
      async handle({ user: { id, username, email, fullname } }) {
        return { user: { id, username, email, fullname, flags: {} } };
      },
    }),
  ];
}
