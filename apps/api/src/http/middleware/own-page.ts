// Protects against cross-site request forgery where a browser attaches the credentials by itself: the page must belong to this API.

import type { Request } from "express";
import { SlipwayError } from "@slipway/core";

/** The header that the console sends with each request. Pages of other origins cannot send it without the API's consent. */
const consoleHeader = "X-Slipway-Console";

type AnyRequest = Pick<Request, "get" | "method" | "protocol">;

/** Whether the request changes nothing. */
export function isRead({ method }: Pick<AnyRequest, "method">): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether a page of this API or a client other than a browser sends the request. Browsers send the page's origin. */
export function isSameOrigin(request: AnyRequest, apiUrl: string): boolean {
  const site = request.get("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  const from = request.get("origin");
  const own = [new URL(apiUrl).origin, `${request.protocol}://${request.get("host")}`];
  return from === undefined || own.includes(from);
}

/** @throws {SlipwayError} "forbidden" for a write that is not sent by this API's console. */
export function requireOwnPage(request: AnyRequest, apiUrl: string): void {
  if (isRead(request)) return;
  requireSameOrigin(request, apiUrl);
  if (request.get(consoleHeader) === undefined) {
    throw new SlipwayError("forbidden", `a request with a session needs the header ${consoleHeader}`);
  }
}

/** @throws {SlipwayError} "forbidden" for a request from a page of another origin. */
export function requireSameOrigin(request: AnyRequest, apiUrl: string): void {
  if (isSameOrigin(request, apiUrl)) return;
  throw new SlipwayError("forbidden", "the request comes from another site: use the console of this API");
}
