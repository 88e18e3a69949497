// The HTTP server: its time limits, and how it stops.

import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { Duplex } from "node:stream";
import { SlipwayError } from "@slipway/core";
import type { Service } from "@slipway/service";

const limits = {
  headersMs: 15_000,
  /** A connection on which nothing moves is cut. */
  idleMs: 60_000,
  keepAliveMs: 10_000,
  sweepMs: 50,
  headerBytes: 16 * 1024,
  headerCount: 100,
} as const;

/** Errors of Node's HTTP parser that are not just malformed requests. */
const unreadable: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "the request's headers are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "the request took too long"],
};

/** @throws {SlipwayError} "configuration-invalid" when the address is taken or not ours. */
export async function listen(
  listener: RequestListener,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Service> {
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      // A big archive over a slow line takes what it takes: bodies have bounds of their own, by kind.
      requestTimeout: 0,
    },
    listener,
  );
  server.on("clientError", refuse);
  server.timeout = limits.idleMs;
  server.maxHeadersCount = limits.headerCount;
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(port, host, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SlipwayError("configuration-invalid", `cannot listen on ${host}:${port} (${reason})`, {
      cause: error,
    });
  }
  return {
    async stop({ graceMs }) {
      const closed = Promise.withResolvers<void>();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      // A connection that becomes idle after the close would be kept for its next request.
      const sweeping = setInterval(() => server.closeIdleConnections(), limits.sweepMs);
      server.close(() => closed.resolve());
      await closed.promise;
      clearTimeout(cut);
      clearInterval(sweeping);
    },
  };
}

/** What cannot be read as a request comes to no route: it is answered here, as a route would. */
function refuse(error: Error & { readonly code?: string }, socket: Duplex): void {
  const [status, message] = unreadable[error.code ?? ""] ?? ["400 Bad Request", "the request is malformed"];
  const body = JSON.stringify({ error: message });
  const head = [`HTTP/1.1 ${status}`, "Content-Type: application/json; charset=utf-8", "Connection: close"];
  if (socket.writable) socket.end([...head, `Content-Length: ${body.length}`, "", body].join("\r\n"));
  else socket.destroy();
}
