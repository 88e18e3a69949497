// GET /v1/users/self: who the bearer is.

import type { Router } from "express";
import type { SelfAnswer } from "@slipway/protocol";
import { userOf } from "../middleware/authentication.ts";

export function addUserRoutes(router: Router): void {
  router.get("/users/self", (_request, response) => {
    const { id, username, email, fullname } = userOf(response);
    response.json({ user: { id, username, email, fullname, flags: {} } } satisfies SelfAnswer);
  });
}
