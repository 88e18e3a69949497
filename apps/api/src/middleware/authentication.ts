// Lets through who brings a valid bearer, and remembers who it is.

import type { Request, RequestHandler, Response } from "express";
import type { Bearer } from "@slipway/auth";
import { SlipwayError } from "@slipway/core";
import type { User } from "@slipway/core";
import type { Platform } from "../platform.ts";
import { countAddress, limitedPassword } from "./rate-limit.ts";

type Who = Pick<Platform, "auth" | "limits">;

/** Takes a JWT or an API token. @throws {SlipwayError} "unauthorized", as the 401 of whatever lies behind it. */
export function authentication(platform: Who): RequestHandler<Record<string, string>> {
  return async (request, response, next) => {
    Object.assign(response.locals, await bearerIn(platform, request, response));
    next();
  };
}

/**
 * Takes a user name or email with the password, as Basic authentication, or else a bearer.
 * @throws {SlipwayError} "unauthorized", or "too-many-requests".
 */
export function login(platform: Who): RequestHandler<Record<string, string>> {
  return async (request, response, next) => {
    const credentials = basicCredentials(request);
    const found =
      credentials === null
        ? await bearerIn(platform, request, response)
        : { user: await passwordUser(platform, credentials, request, response) };
    Object.assign(response.locals, found);
    next();
  };
}

/** The user who asks; only behind `authentication`. */
export function userOf(response: Response): User {
  const user: unknown = response.locals["user"];
  if (user === undefined) throw new SlipwayError("internal", "the route is not behind authentication");
  return user as User;
}

/** Who asks, and with which API token; only behind `authentication`. */
export function bearerOf(response: Response): Bearer {
  const tokenId: unknown = response.locals["tokenId"];
  if (tokenId === undefined) throw new SlipwayError("internal", "the route is not behind authentication");
  return { user: userOf(response), tokenId: tokenId as Bearer["tokenId"] };
}

/** The user of a request's bearer as they are now, for an answer that goes on; null once it is revoked, or they are gone. */
export async function bearerNow(
  { auth }: Pick<Platform, "auth">,
  request: Pick<Request, "get">,
): Promise<User | null> {
  const token = tokenIn(request);
  return token === null ? null : auth.reauthenticate(token);
}

/** User and password of Basic authentication; null when there is none. */
export function basicCredentials(
  request: Pick<Request, "get">,
): { username: string; password: string } | null {
  const encoded = /^basic +([A-Za-z0-9+/_-]+=*) *$/i.exec(request.get("authorization") ?? "")?.[1];
  const text = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? null : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function tokenIn(request: Pick<Request, "get">): string | null {
  return /^bearer +(\S+) *$/i.exec(request.get("authorization") ?? "")?.[1] ?? null;
}

/** A request without a valid bearer counts for its address. */
async function bearerIn(
  { auth, limits }: Who,
  request: Pick<Request, "get" | "ip">,
  response: Response,
): Promise<Bearer> {
  const token = tokenIn(request);
  const bearer = token === null ? null : await auth.identify(token);
  if (bearer !== null) return bearer;
  await countAddress(limits.address, request, response);
  response.set("WWW-Authenticate", 'Bearer realm="Slipway"');
  throw new SlipwayError(
    "unauthorized",
    token === null ? "a bearer token is required" : "the bearer token is not valid, or no longer",
  );
}

async function passwordUser(
  { auth, limits }: Who,
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
