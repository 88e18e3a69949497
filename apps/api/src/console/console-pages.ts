// Serves the web console at /: its page for browsers, and its files compressed and cached without expiry, since their names contain hashes.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import express, { Router } from "express";
import type { Request, RequestHandler, Response } from "express";
import { contentSecurityPolicy } from "helmet";

/** The output folder of `vite build` in apps/console. */
const builtFolder = fileURLToPath(new URL("../../../console/dist", import.meta.url));
/** First segments of paths that do not belong to the console. */
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

/** Serves nothing until the console is built: a browser then gets the same answer at / as any other client. */
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
    // With a base element, the page's relative URLs stay valid when a proxy serves the API below a path.
    page ??= readFileSync(file, "utf8").replace("<head>", `<head>\n    <base href="${base}" />`);
    response.vary("Accept").set("Cache-Control", "no-cache").type("html").send(page);
  });
  return router;
}

/** Whether a browser opens a page of the console. Other clients accept JSON or any type, and receive JSON. */
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

/** Allows no inline scripts, and connections only to the API and the stream, which the log view connects to. */
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
