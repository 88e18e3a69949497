// Derives the app's name from a request's host name.

import type { IncomingMessage } from "node:http";
import { isAppName } from "@slipway/core";

/** @returns the app's name in the host name; null when it contains none. The app may not exist. */
export function appNameOf(request: IncomingMessage, domain: string): string | null {
  const host = hostName(request.headers.host ?? "");
  if (!host.endsWith(`.${domain}`)) return null;
  const name = host.slice(0, -domain.length - 1);
  return isAppName(name) ? name : null;
}

/**
 * Whether the request has several Host headers (RFC 9112, 3.2). Node keeps the first one, and a proxy may have checked another. Several
 * Content-Length headers need no check here: Node's parser rejects them.
 */
export function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (name.length === "host".length && name.toLowerCase() === "host") count += 1;
  }
  return count > 1;
}

/**
 * Converts a request target in absolute form (RFC 9112, 3.2.2) to a path, and overrides the Host header with the target's host.
 * @returns false when the target is neither a path nor a URL.
 */
export function normalizeTarget(request: IncomingMessage): boolean {
  const { url = "/" } = request;
  if (url.startsWith("/")) return true;
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return false;
  const { host, pathname, search } = new URL(url);
  request.headers.host = host;
  request.url = `${pathname}${search}`;
  return true;
}

function hostName(header: string): string {
  return header.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
}
