// /v1/session: login and logout of the web console.

import type { Response } from "express";
import { revokeToken, startSession } from "@slipway/auth";
import type { Auth } from "@slipway/auth";
import type { Store, User } from "@slipway/core";
import { sessionAnswer } from "@slipway/protocol";
import type { SessionAnswer } from "@slipway/protocol";
import { requireSameOrigin } from "../http/middleware/own-page.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { clearSessionCookie, sessionSecretIn, setSessionCookie } from "./session-cookie.ts";

export interface SessionContext {
  readonly apiUrl: string;
  readonly auth: Pick<Auth, "identify">;
  readonly store: Pick<Store, "tokens">;
  readonly now: () => Date;
}

export function sessionRoutes({ apiUrl, auth, store, now }: SessionContext): Route[] {
  return [
    route({
      method: "post",
      path: "/session",
      summary:
        "Log in to the console, with a user name or email and a password, or a bearer token; sets an HttpOnly cookie",
      access: "login",
      answer: { status: 201, json: sessionAnswer },
      async handle({ user, request, response }) {
        requireSameOrigin(request, apiUrl);
        setSessionCookie(response, await startSession(store, user, usedTokenOf(response), now()), apiUrl);
        return presentSession(user);
      },
    }),
    route({
      method: "get",
      path: "/session",
      summary: "Show the user of the console's session or the bearer token",
      access: "account:use",
      answer: { status: 200, json: sessionAnswer },
      handle: async ({ user }) => presentSession(user),
    }),
    route({
      method: "delete",
      path: "/session",
      summary: "Log out of the console: revoke the session of the cookie, and the JWTs it was exchanged for",
      access: "account:use",
      answer: { status: 204 },
      async handle({ request, response }) {
        const secret = sessionSecretIn(request, apiUrl);
        const session = secret === null ? null : await auth.identify(secret);
        if (session !== null) await revokeToken(store, session.user.id, session.tokenId);
        clearSessionCookie(response, apiUrl);
      },
    }),
  ];
}

/** The API token of the login; null after a login by password. */
function usedTokenOf(response: Response): string | null {
  return (response.locals["tokenId"] ?? null) as string | null;
}

function presentSession({ id, username, email, fullname, operator }: User): SessionAnswer {
  return { session: { user: { id, username, email, fullname }, operator } };
}
