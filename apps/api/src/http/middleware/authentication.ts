// Authenticates requests and stores the user and token in `response.locals`.

import type { Request, RequestHandler, Response } from "express";
import type { Auth, Bearer } from "@slipway/auth";
import { SlipwayError } from "@slipway/core";
import type { User } from "@slipway/core";
import { sessionSecretIn } from "../../sessions/session-cookie.ts";
import type { Limits } from "../limits.ts";
import { requireOwnPage } from "./own-page.ts";
import { countAddress, limitedPassword } from "./rate-limit.ts";

interface BearerContext {
  readonly apiUrl: string;
  readonly auth: Pick<Auth, "identify">;
  readonly limits: Pick<Limits, "address">;
}

export interface LoginContext extends BearerContext {
  readonly auth: Pick<Auth, "identify" | "named" | "signIn">;
  readonly limits: Pick<Limits, "address" | "logins" | "accounts">;
}

/**
 * Requires a JWT or an API token, as the bearer token or in the session's cookie.
 * @throws {SlipwayError} "unauthorized", "too-many-requests", or "forbidden" for a session's request from another page.
 */
export function authentication(context: BearerContext): RequestHandler<Record<string, string>> {
  return async (request, response, next) => {
    Object.assign(response.locals, await bearerIn(context, request, response));
    next();
  };
}

/**
 * Requires a user name or email and its password as Basic authentication, or a bearer token.
 * @throws {SlipwayError} "unauthorized", or "too-many-requests".
 */
export function login(context: LoginContext): RequestHandler<Record<string, string>> {
  return async (request, response, next) => {
    const credentials = basicCredentials(request);
    const found =
      credentials === null
        ? await bearerIn(context, request, response)
        : { user: await passwordUser(context, credentials, request, response) };
    Object.assign(response.locals, found);
    next();
  };
}

/** The authenticated user. Requires `authentication` or `login` to have run. */
export function userOf(response: Response): User {
  const user: unknown = response.locals["user"];
  if (user === undefined) throw new SlipwayError("internal", "the route is not behind authentication");
  return user as User;
}

/** The authenticated user and API token. Requires `authentication` to have run. */
export function bearerOf(response: Response): Bearer {
  const tokenId: unknown = response.locals["tokenId"];
  if (tokenId === undefined) throw new SlipwayError("internal", "the route is not behind authentication");
  return {
    user: userOf(response),
    tokenId: tokenId as Bearer["tokenId"],
    grantedBy: grantedByOf(response),
  };
}

/** The API token whose end also ends the tokens created by the request; null after a login by password. */
export function grantedByOf(response: Response): Bearer["grantedBy"] {
  return (response.locals["grantedBy"] ?? null) as Bearer["grantedBy"];
}

/** Authenticates a request again during its response. Null if the token was revoked or the user deleted. */
export async function reauthenticate(
  { apiUrl, auth }: { readonly apiUrl: string; readonly auth: Pick<Auth, "reauthenticate"> },
  request: Pick<Request, "get">,
): Promise<User | null> {
  const token = tokenIn(request, apiUrl);
  return token === null ? null : auth.reauthenticate(token);
}

/** User name and password of Basic authentication; null if the request has none. */
export function basicCredentials(
  request: Pick<Request, "get">,
): { username: string; password: string } | null {
  const encoded = /^basic +([A-Za-z0-9+/_-]+=*) *$/i.exec(request.get("authorization") ?? "")?.[1];
  const text = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? null : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The bearer token; without an Authorization header, the token of the session. */
function tokenIn(request: Pick<Request, "get">, apiUrl: string): string | null {
  const header = request.get("authorization");
  if (header === undefined) return sessionSecretIn(request, apiUrl);
  return /^bearer +(\S+) *$/i.exec(header)?.[1] ?? null;
}

/** A request without a valid bearer token counts towards the limit of its address. */
async function bearerIn(
  { apiUrl, auth, limits }: BearerContext,
  request: Pick<Request, "get" | "ip" | "method" | "protocol">,
  response: Response,
): Promise<Bearer> {
  const token = tokenIn(request, apiUrl);
  // A browser attaches the cookie to requests from any page.
  if (token !== null && request.get("authorization") === undefined) requireOwnPage(request, apiUrl);
  const bearer = token === null ? null : await auth.identify(token);
  if (bearer !== null) return bearer;
  await countAddress(limits.address, request, response);
  response.set("WWW-Authenticate", 'Bearer realm="Slipway"');
  throw new SlipwayError(
    "unauthorized",
    token === null
      ? "a bearer token is required"
      : "the bearer token is invalid, expired or revoked: exchange your API token again",
  );
}

async function passwordUser(
  { auth, limits }: LoginContext,
  { username: name, password }: NonNullable<ReturnType<typeof basicCredentials>>,
  request: Pick<Request, "ip">,
  response: Response,
): Promise<User> {
  const account = (await auth.named(name))?.id ?? name.toLowerCase();
  const user = await limitedPassword(limits, { request, response, account }, () =>
    auth.signIn(name, password),
  );
  if (user === null) throw new SlipwayError("unauthorized", "the user name or the password is wrong");
  return user;
}
