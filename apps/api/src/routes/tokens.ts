// POST /v1/tokens/exchange: an API token for a JWT of an hour.

import type { Router } from "express";
import { SlipwayError } from "@slipway/core";
import type { TokenAnswer } from "@slipway/protocol";
import { basicCredentials } from "../middleware/authentication.ts";
import type { Platform } from "../platform.ts";

/** The token comes as the password of Basic authentication; the body says nothing and is not read. */
export function addTokenRoutes(router: Router, { auth }: Platform): void {
  router.post("/tokens/exchange", async (request, response) => {
    const credentials = basicCredentials(request);
    if (credentials === null) {
      throw new SlipwayError(
        "unauthorized",
        "an API token is required, as the password of Basic authentication",
      );
    }
    const { jwt } = await auth.exchange(credentials.password);
    response.json({ token: jwt } satisfies TokenAnswer);
  });
}
