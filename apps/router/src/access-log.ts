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

/** A request that has ended. */
export interface RequestLine {
  readonly method: string | undefined;
  readonly host: string | undefined;
  /** Without the query. */
  readonly path: string | undefined;
  /** Address of the client. */
  readonly from: string;
  readonly status: number;
  readonly milliseconds: number;
  /** Whether the client received the complete response. */
  readonly isComplete: boolean;
}

/** @returns a function that logs a request; null when the log is off. */
export function requestLines({
  logger,
  level,
}: Pick<AccessLogOptions, "logger" | "level">): ((line: RequestLine) => void) | null {
  if (level === "off") return null;
  return ({ method, host, path, from, status, milliseconds, isComplete }) => {
    const req = { method, host, path, from };
    const responseTime = Math.round(milliseconds);
    const outcome = isComplete ? "completed" : "aborted";
    logger[level]({ req, res: { status }, responseTime }, `request ${outcome}`);
  };
}

/** @returns null when the log is off. */
export function accessLog({ domain, trustedProxies, ...options }: AccessLogOptions): AccessLog | null {
  const write = requestLines(options);
  if (write === null) return null;
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
      write({
        method,
        host: headers.host,
        path,
        from,
        status: response.statusCode,
        milliseconds: performance.now() - startedAt,
        isComplete: response.writableFinished,
      });
    });
  };
}
