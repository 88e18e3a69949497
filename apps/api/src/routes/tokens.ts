// /v1/tokens: API tokens are made, listed, revoked, and exchanged for a JWT of an hour.

import type { Request, Response } from "express";
import { issueToken } from "@slipway/auth";
import { SlipwayError, notFound } from "@slipway/core";
import { createTokenRequest, exchangeAnswer, newTokenAnswer, tokensAnswer } from "@slipway/protocol";
import { basicCredentials } from "../middleware/authentication.ts";
import { countAddress, countBearer } from "../middleware/rate-limit.ts";
import type { Platform } from "../platform.ts";
import { presentToken } from "../presenters/user.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

export function tokenRoutes(platform: Platform): Route[] {
  const { store, now } = platform;
  return [
    route({
      method: "post",
      path: "/tokens/exchange",
      summary: "Exchange an API token, the password of Basic authentication, for a JWT of one hour",
      access: "credentials",
      answer: { status: 200, json: exchangeAnswer },
      async handle({ request, response }) {
        return { token: await exchanged(platform, request, response) };
      },
    }),
    route({
      method: "post",
      path: "/tokens",
      summary:
        "Make an API token; by user name or email, and password, or by a bearer. Its secret is shown this once",
      access: "login",
      body: createTokenRequest,
      answer: { status: 201, json: newTokenAnswer },
      problems: [409],
      async handle({ user, body }) {
        const name = body.token?.name ?? body.name ?? "";
        const { token, secret } = await issueToken(store, user, name, now());
        return { token: { ...presentToken(token), token: secret } };
      },
    }),
    route({
      method: "get",
      path: "/tokens",
      summary: "List one's API tokens, oldest first, without their secrets",
      access: "account:use",
      answer: { status: 200, json: tokensAnswer },
      handle: async ({ user }) => ({ tokens: (await store.tokens.ofUser(user.id)).map(presentToken) }),
    }),
    route({
      method: "patch",
      path: "/tokens/:token/renew",
      summary: "Get a new API token for an old one, which is revoked",
      access: "account:use",
      answer: { status: 200, json: newTokenAnswer },
      async handle({ user, params }) {
        const old = await store.tokens.get(params.token);
        // Of many that renew it at once, one does.
        if (old?.userId !== user.id || !(await store.tokens.delete(user.id, old.id))) throw notFound("token");
        const { token, secret } = await issueToken(store, user, old.name, now());
        return { token: { ...presentToken(token), token: secret } };
      },
    }),
    route({
      method: "delete",
      path: "/tokens/:token",
      summary: "Revoke an API token, and with it the JWTs it was exchanged for",
      access: "account:use",
      answer: { status: 204 },
      async handle({ user, params }) {
        if (!(await store.tokens.delete(user.id, params.token))) throw notFound("token");
      },
    }),
  ];
}

/** A token cannot be guessed, so only what is none counts for its address: others there go on. */
async function exchanged({ auth, limits }: Platform, request: Request, response: Response): Promise<string> {
  const credentials = basicCredentials(request);
  const found = credentials === null ? null : await auth.exchange(credentials.password);
  if (found === null) {
    await countAddress(limits.address, request, response);
    throw new SlipwayError(
      "unauthorized",
      credentials === null
        ? "an API token is required, as the password of Basic authentication"
        : "the API token is not valid",
    );
  }
  await countBearer(limits.requests, found.bearer, response);
  return found.jwt;
}
