// The router's error pages. They contain no internal details.

import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

interface Page {
  readonly status: number;
  readonly reason: string;
  readonly title: string;
  readonly text: string;
}

const pages = {
  "bad-request": {
    status: 400,
    reason: "Bad Request",
    title: "Invalid request",
    text: "The request target is neither a path nor a URL.",
  },
  "several-hosts": {
    status: 400,
    reason: "Bad Request",
    title: "Invalid request",
    text: "The request has more than one Host header.",
  },
  "no-app": {
    status: 404,
    reason: "Not Found",
    title: "No app here",
    text: "No app has this host name.",
  },
  "too-large": {
    status: 413,
    reason: "Content Too Large",
    title: "Request too large",
    text: "The body of this request exceeds the size limit.",
  },
  broken: {
    status: 502,
    reason: "Bad Gateway",
    title: "The app closed the connection",
    text: "The app accepted the request and closed the connection without a valid response.",
  },
  "not-answering": {
    status: 502,
    reason: "Bad Gateway",
    title: "The app does not answer",
    text: "No process of the app accepts connections.",
  },
  "no-release": {
    status: 503,
    reason: "Service Unavailable",
    title: "Nothing deployed yet",
    text: "The app exists, but has no release yet.",
  },
  "scaled-to-zero": {
    status: 503,
    reason: "Service Unavailable",
    title: "The app is stopped",
    text: "It is scaled to 0 web processes.",
  },
  "cannot-look-up": {
    status: 503,
    reason: "Service Unavailable",
    title: "Temporarily unavailable",
    text: "The route of this app cannot be read at the moment. Please try again.",
  },
  replaced: {
    status: 503,
    reason: "Service Unavailable",
    title: "The release was replaced",
    text: "A new release replaced the one that handled this request before it had finished. Please try again.",
  },
  "upload-stopped": {
    status: 408,
    reason: "Request Timeout",
    title: "The upload stopped",
    text: "The client did not send the rest of its request in time.",
  },
  silent: {
    status: 504,
    reason: "Gateway Timeout",
    title: "The app timed out",
    text: "The app accepted the request and did not respond in time.",
  },
} as const satisfies Record<string, Page>;

export type PageName = keyof typeof pages;

/** Responds with the page. Closes the connection afterwards when the request was not received completely. */
export function sendPage(response: ServerResponse, name: PageName): void {
  const page: Page = pages[name];
  for (const [header, value] of headersOf(page)) response.setHeader(header, value);
  if (!response.req.complete) response.setHeader("connection", "close");
  response.writeHead(page.status, page.reason).end(bodyOf(page));
}

/** Responds with the page to an upgrade request, and closes the connection. */
export function endWithPage(socket: Duplex, name: PageName): void {
  socket.end(responseOf(name));
}

/** @returns the page as an HTTP response, after which the connection is closed. */
export function responseOf(name: PageName): string {
  const page: Page = pages[name];
  const lines = [...headersOf(page), ["connection", "close"]].map(([header, value]) => `${header}: ${value}`);
  return `HTTP/1.1 ${page.status} ${page.reason}\r\n${lines.join("\r\n")}\r\n\r\n${bodyOf(page)}`;
}

function headersOf(page: Page): [string, string][] {
  return [
    ["content-type", "text/html; charset=utf-8"],
    ["content-length", String(Buffer.byteLength(bodyOf(page)))],
    ["cache-control", "no-store"],
    ["content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"],
    ["x-content-type-options", "nosniff"],
  ];
}

function bodyOf({ status, title, text }: Page): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem}small{color:#666}</style>
<h1>${title}</h1>
<p>${text}</p>
<p><small>${status}</small></p>
</html>
`;
}
