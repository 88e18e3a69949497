// The cookie of a console session. It contains the session's API token; scripts of pages cannot read it.

import type { CookieOptions, Request, Response } from "express";
import { sessionLifetimeMs } from "@slipway/auth";

const name = "slipway_session";
/** Browsers accept this prefix only over HTTPS, from this host, for all paths. */
const secureName = `__Host-${name}`;

/** The session's API token in a request; null without one. With HTTPS, only the cookie is accepted that no page of another host can set. */
export function sessionSecretIn(request: Pick<Request, "get">, apiUrl: string): string | null {
  const cookies = (request.get("cookie") ?? "").split(";").map((cookie) => cookie.trim());
  const prefix = `${nameFor(apiUrl)}=`;
  return cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length) ?? null;
}

/** Stores the session's API token in the browser. */
export function setSessionCookie(response: Response, secret: string, apiUrl: string): void {
  response.cookie(nameFor(apiUrl), secret, { ...optionsFor(apiUrl), maxAge: sessionLifetimeMs });
}

/** Removes the session's API token from the browser. */
export function clearSessionCookie(response: Response, apiUrl: string): void {
  response.clearCookie(nameFor(apiUrl), optionsFor(apiUrl));
}

function nameFor(apiUrl: string): string {
  return isSecure(apiUrl) ? secureName : name;
}

function optionsFor(apiUrl: string): CookieOptions {
  return { httpOnly: true, sameSite: "strict", secure: isSecure(apiUrl), path: "/" };
}

function isSecure(apiUrl: string): boolean {
  return apiUrl.startsWith("https:");
}
