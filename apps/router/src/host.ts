// Which app a request is for, by the host name it asks.

import type { IncomingMessage } from "node:http";
import { isAppName } from "@slipway/core";

/** Name of the app whose host the request asks, `null` when it is no app's. The app may not exist. */
export function appOf(request: IncomingMessage, domain: string): string | null {
  const host = hostName(request.headers.host ?? "");
  if (!host.endsWith(`.${domain}`)) return null;
  const name = host.slice(0, -domain.length - 1);
  return isAppName(name) ? name : null;
}

/**
 * Clients may name the whole URL in a request's first line, as if this were their proxy; its host goes before the header's.
 * @returns false when the first line asks for something that is no path.
 */
export function takeAbsoluteUrl(request: IncomingMessage): boolean {
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
