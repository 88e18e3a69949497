// Serves the web console at /: its page for browsers, its files compressed and cached for ever, since their names hold their hashes.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import express, { Router } from "express";
import type { Request, RequestHandler, Response } from "express";
import { contentSecurityPolicy } from "helmet";

/** What `vite build` of apps/console writes. */
const builtFolder = fileURLToPath(new URL("../../../console/dist", import.meta.url));
/** First parts of paths that are not the console's. */
const otherPaths = new Set(["v1", "docs", "queues", "health", "metrics"]);
const encodings = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;

export interface ConsoleOptions {
  readonly apiUrl: string;
  readonly streamUrl: string;
  /** Folder of the built console. */
  readonly folder?: string;
}

/** Serves nothing while the console is not built: then / answers as for other clients. */
export function consolePages({ apiUrl, streamUrl, folder = builtFolder }: ConsoleOptions): Router {
  const router = Router({ strict: true });
  const base = `${new URL(apiUrl).pathname.replace(/\/$/, "")}/`;
  let page: string | undefined;
  const files = express.static(join(folder, "assets"), {
    index: false,
    redirect: false,
    immutable: true,
    maxAge: "365d",
    setHeaders: setEncoding,
  });
  router.use("/assets", compressed(join(folder, "assets")), files);
  router.use(pageHeaders(streamUrl));
  router.use((request, response, next) => {
    const file = join(folder, "index.html");
    if (!isForPage(request) || (page === undefined && !existsSync(file))) {
      next();
      return;
    }
    // The base keeps the page's addresses valid when a proxy serves the API below a path.
    page ??= readFileSync(file, "utf8").replace("<head>", `<head>\n    <base href="${base}" />`);
    response.vary("Accept").set("Cache-Control", "no-cache").type("html").send(page);
  });
  return router;
}

/** Whether a browser opens a page of the console. Other clients name JSON, or accept anything, which means JSON. */
function isForPage(request: Request): boolean {
  const isRead = request.method === "GET" || request.method === "HEAD";
  const [, first = ""] = request.path.split("/");
  return isRead && !otherPaths.has(first) && request.accepts(["json", "html"]) === "html";
}

/** Chooses the compressed file that the client accepts. */
function compressed(folder: string): RequestHandler {
  return (request, response, next) => {
    const path = request.url.split("?")[0] ?? "";
    response.vary("Accept-Encoding");
    const encoding = encodings.find(({ name }) => request.acceptsEncodings(name) === name);
    if (
      encoding !== undefined &&
      /^\/[\w.-]+$/.test(path) &&
      existsSync(join(folder, path + encoding.suffix))
    ) {
      request.url = path + encoding.suffix;
    }
    next();
  };
}

function setEncoding(response: Response, path: string): void {
  const encoding = encodings.find(({ suffix }) => path.endsWith(suffix));
  if (encoding === undefined) return;
  response.set("Content-Encoding", encoding.name);
  response.type(path.slice(0, -encoding.suffix.length).endsWith(".css") ? "css" : "js");
}

/** No inline script, no other host but the stream's, which the log view connects to. */
function pageHeaders(streamUrl: string): RequestHandler {
  const { origin, protocol, host } = new URL(streamUrl);
  return contentSecurityPolicy({
    useDefaults: false,
    directives: {
      "default-src": ["'none'"],
      "base-uri": ["'self'"],
      "connect-src": ["'self'", origin === "null" ? `${protocol}//${host}` : origin],
      "form-action": ["'self'"],
      "frame-ancestors": ["'none'"],
      "img-src": ["'self'", "data:"],
      "script-src": ["'self'"],
      "style-src": ["'self'"],
    },
  });
}
