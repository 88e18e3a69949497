// What the router answers itself, when no app does: a plain page that says what it is, and nothing of how things are inside.

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
    title: "This request cannot be understood",
    text: "It names neither a path nor a URL.",
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
    title: "Too large",
    text: "The body of this request is larger than what is let through.",
  },
  broken: {
    status: 502,
    reason: "Bad Gateway",
    title: "The app broke off",
    text: "The app took the request and closed its connection without an answer.",
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
    text: "The app exists, and has no release that could answer.",
  },
  "scaled-to-zero": {
    status: 503,
    reason: "Service Unavailable",
    title: "The app is stopped",
    text: "It is scaled to no web process.",
  },
  "cannot-look-up": {
    status: 503,
    reason: "Service Unavailable",
    title: "Please try again",
    text: "It cannot be found out now where this app runs.",
  },
  replaced: {
    status: 503,
    reason: "Service Unavailable",
    title: "The app was replaced meanwhile",
    text: "The release that worked on this request had to make room for the next one.",
  },
  silent: {
    status: 504,
    reason: "Gateway Timeout",
    title: "The app takes too long",
    text: "It took the request and did not answer in time.",
  },
} as const satisfies Record<string, Page>;

export type PageName = keyof typeof pages;

/** Answers with the page. A client whose request has not come in whole is cut off after it. */
export function sendPage(response: ServerResponse, name: PageName): void {
  const page: Page = pages[name];
  for (const [header, value] of headersOf(page)) response.setHeader(header, value);
  if (!response.req.complete) response.setHeader("connection", "close");
  response.writeHead(page.status, page.reason).end(bodyOf(page));
}

/** The same to a client that asked for a WebSocket. */
export function endWithPage(socket: Duplex, name: PageName): void {
  const page: Page = pages[name];
  const lines = [...headersOf(page), ["connection", "close"]].map(([header, value]) => `${header}: ${value}`);
  socket.end(`HTTP/1.1 ${page.status} ${page.reason}\r\n${lines.join("\r\n")}\r\n\r\n${bodyOf(page)}`);
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
