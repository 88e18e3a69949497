// /v1/tokens: create, list, renew and revoke API tokens, and exchange them for JWTs.

import type { Request, Response } from "express";
import { issueToken, renewToken, revokeToken } from "@slipway/auth";
import type { Auth } from "@slipway/auth";
import { SlipwayError, notFound } from "@slipway/core";
import type { Store } from "@slipway/core";
import { createTokenRequest, exchangeAnswer, newTokenAnswer, tokensAnswer } from "@slipway/protocol";
import type { Limits } from "../http/limits.ts";
import { basicCredentials, bearerOf, grantedByOf } from "../http/middleware/authentication.ts";
import { requireOwnPage } from "../http/middleware/own-page.ts";
import { countAddress, countBearer } from "../http/middleware/rate-limit.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { sessionSecretIn } from "../sessions/session-cookie.ts";
import { presentToken } from "./presenter.ts";

interface ExchangeContext {
  readonly apiUrl: string;
  readonly auth: Pick<Auth, "exchange">;
  readonly limits: Pick<Limits, "address" | "requests">;
}

interface TokenStoreContext {
  readonly store: Pick<Store, "tokens">;
  readonly now: () => Date;
}

export type TokenContext = ExchangeContext & TokenStoreContext;

export function tokenRoutes(context: TokenContext): Route[] {
  return [...issueRoutes(context), ...ownTokenRoutes(context)];
}

function issueRoutes(context: TokenContext): Route[] {
  const { store, now } = context;
  return [
    route({
      method: "post",
      path: "/tokens/exchange",
      summary:
        "Exchange an API token, sent as the password of Basic authentication or by the console's session, for a JWT valid for one hour",
      access: "credentials",
      answer: { status: 200, json: exchangeAnswer },
      async handle({ request, response }) {
        return { token: await exchangeToken(context, request, response) };
      },
    }),
    route({
      method: "post",
      path: "/tokens",
      summary:
        "Create an API token, with a user name or email and a password, or a bearer token; shows its secret only once",
      access: "login",
      body: createTokenRequest,
      answer: { status: 201, json: newTokenAnswer },
      problems: [409],
      async handle({ user, body, response }) {
        const name = body.token?.name ?? body.name ?? "";
        const parentId = grantedByOf(response);
        const { token, secret } = await issueToken(store, user, name, now(), parentId);
        return { token: { ...presentToken(token), token: secret } };
      },
    }),
  ];
}

function ownTokenRoutes({ store, now }: TokenStoreContext): Route[] {
  return [
    route({
      method: "get",
      path: "/tokens",
      summary: "List the user's API tokens, oldest first, without their secrets",
      access: "account:use",
      answer: { status: 200, json: tokensAnswer },
      handle: async ({ user }) => ({ tokens: (await store.tokens.ofUser(user.id)).map(presentToken) }),
    }),
    route({
      method: "patch",
      path: "/tokens/:token/renew",
      summary:
        "Replace an API token: revoke it, with the API tokens created with its JWTs, and create a new one",
      access: "account:use",
      answer: { status: 200, json: newTokenAnswer },
      async handle({ params, response }) {
        const { token, secret } = await renewToken(store, bearerOf(response), params.token, now());
        return { token: { ...presentToken(token), token: secret } };
      },
    }),
    route({
      method: "delete",
      path: "/tokens/:token",
      summary: "Revoke an API token, the JWTs it was exchanged for, and the API tokens created with those",
      access: "account:use",
      answer: { status: 204 },
      async handle({ user, params }) {
        if (!(await revokeToken(store, user.id, params.token))) throw notFound("token");
      },
    }),
  ];
}

/** Only an invalid token counts towards the limit of the address: tokens cannot be guessed. */
async function exchangeToken(
  { apiUrl, auth, limits }: ExchangeContext,
  request: Request,
  response: Response,
): Promise<string> {
  const apiToken = apiTokenIn(request, apiUrl);
  const found = apiToken === null ? null : await auth.exchange(apiToken);
  if (found === null) {
    await countAddress(limits.address, request, response);
    throw new SlipwayError(
      "unauthorized",
      apiToken === null
        ? "an API token is required, as the password of Basic authentication"
        : "the API token is invalid or revoked",
    );
  }
  await countBearer(limits.requests, found.bearer, response);
  return found.jwt;
}

/** @throws {SlipwayError} "forbidden" for a session's request from another page. */
function apiTokenIn(request: Request, apiUrl: string): string | null {
  const credentials = basicCredentials(request);
  if (credentials !== null) return credentials.password;
  if (request.get("authorization") !== undefined) return null;
  const secret = sessionSecretIn(request, apiUrl);
  if (secret !== null) requireOwnPage(request, apiUrl);
  return secret;
}
