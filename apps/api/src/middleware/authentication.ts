// Lets through who brings a valid bearer, and remembers who it is.

import type { Request, RequestHandler, Response } from "express";
import { SlipwayError } from "@slipway/core";
import type { User } from "@slipway/core";
import type { Platform } from "../platform.ts";
import { countAddress } from "./rate-limit.ts";

type Who = Pick<Platform, "auth" | "limits">;

/** Takes a JWT or an API token. @throws {SlipwayError} "unauthorized", as the 401 of whatever lies behind it. */
export function authentication(platform: Who): RequestHandler<Record<string, string>> {
  return async (request, response, next) => {
    response.locals["user"] = await bearerUser(platform, request, response);
    next();
  };
}

/**
 * The user that a request's bearer stands for. A request without one counts for its address.
 * @throws {SlipwayError} "unauthorized", or "too-many-requests".
 */
export async function bearerUser(
  { auth, limits }: Who,
  request: Pick<Request, "get" | "ip">,
  response: Response,
): Promise<User> {
  const token = bearerOf(request);
  const user = token === null ? null : await auth.authenticate(token);
  if (user !== null) return user;
  await countAddress(limits.address, request, response);
  response.set("WWW-Authenticate", 'Bearer realm="Slipway"');
  throw new SlipwayError(
    "unauthorized",
    token === null ? "a bearer token is required" : "the bearer token is not valid, or no longer",
  );
}

/** The user who asks; only behind `authentication`. */
export function userOf(response: Response): User {
  const user: unknown = response.locals["user"];
  if (user === undefined) throw new SlipwayError("internal", "the route is not behind authentication");
  return user as User;
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

function bearerOf(request: Pick<Request, "get">): string | null {
  return /^bearer +(\S+) *$/i.exec(request.get("authorization") ?? "")?.[1] ?? null;
}
