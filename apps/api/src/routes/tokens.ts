// POST /v1/tokens/exchange: an API token for a JWT of an hour.

import { SlipwayError } from "@slipway/core";
import { tokenAnswer } from "@slipway/protocol";
import { basicCredentials } from "../middleware/authentication.ts";
import type { Platform } from "../platform.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

export function tokenRoutes({ auth }: Platform): Route[] {
  return [
    route({
      method: "post",
      path: "/tokens/exchange",
      summary: "Exchange an API token, the password of Basic authentication, for a JWT of one hour",
      access: "credentials",
      answer: { status: 200, json: tokenAnswer },
      async handle({ request }) {
        const credentials = basicCredentials(request);
        if (credentials === null) {
          throw new SlipwayError(
            "unauthorized",
            "an API token is required, as the password of Basic authentication",
          );
        }
        const { jwt } = await auth.exchange(credentials.password);
        return { token: jwt };
      },
    }),
  ];
}
