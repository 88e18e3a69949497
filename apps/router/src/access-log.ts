// Logs one line per request, with the same fields as the API's access log.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { BlockList } from "node:net";
import type { Logger } from "@slipway/service";
import { clientOf } from "./headers.ts";
import { appNameOf } from "./host.ts";

/** Logs the request when its response has ended or its connection is closed. */
export type AccessLog = (request: IncomingMessage, response: ServerResponse) => void;

export interface AccessLogOptions {
  readonly logger: Pick<Logger, "info" | "debug" | "trace">;
  /** Severity of all lines. It does not depend on the status: a response with an error is most often the app's. */
  readonly level: "off" | "info" | "debug" | "trace";
  readonly domain: string;
  readonly trustedProxies: BlockList;
}

/** @returns null when the log is off. */
export function accessLog({ logger, level, domain, trustedProxies }: AccessLogOptions): AccessLog | null {
  if (level === "off") return null;
  return (request, response) => {
    const { method, url = "", headers } = request;
    // Leaves out the headers and the query, which contain secrets of apps.
    const [path] = url.split("?", 1);
    if (path === "/health" && appNameOf(request, domain) === null) return;
    const startedAt = performance.now();
    const req = { method, host: headers.host, path, from: clientOf(request, trustedProxies) };
    response.once("close", () => {
      const res = { status: response.statusCode };
      const responseTime = Math.round(performance.now() - startedAt);
      const outcome = response.writableFinished ? "completed" : "aborted";
      logger[level]({ req, res, responseTime }, `request ${outcome}`);
    });
  };
}
