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
    const startedAt = performance.now();
    const { method } = request;
    const from = clientOf(request, trustedProxies);
    response.once("close", () => {
      // By then the target is a path, and the host that of the app: a client may have sent a URL, with another host or a password.
      const { url = "", headers } = request;
      // Without headers and the query, which hold secrets of apps.
      const path = url.startsWith("/") ? url.split("?", 1)[0] : "";
      if (path === "/health" && appNameOf(request, domain) === null) return;
      const req = { method, host: headers.host, path, from };
      const res = { status: response.statusCode };
      const responseTime = Math.round(performance.now() - startedAt);
      const outcome = response.writableFinished ? "completed" : "aborted";
      logger[level]({ req, res, responseTime }, `request ${outcome}`);
    });
  };
}
