// The HTTP server: its time and size limits, its answers to malformed requests, and its graceful stop.

import { randomUUID } from "node:crypto";
import type { RequestListener } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { contain } from "@slipway/async";
import { createPeerServer, startListening } from "@slipway/service";
import type { ListenAddress, Service } from "@slipway/service";

const defaultLimits = {
  /** Time limit from the start of the connection to the end of a request's headers. */
  headersMs: 15_000,
  /** After this time without traffic a connection is closed. */
  idleMs: 60_000,
  keepAliveMs: 10_000,
  /** Interval of the check for slow headers. */
  checkMs: 5_000,
  headerBytes: 16 * 1024,
  headerCount: 100,
};

/** Answers by error code of Node's HTTP parser; all other errors are answered with 400. */
const parserErrors: Readonly<Record<string, readonly [status: number, reason: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "the request's headers are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "the request took too long"],
};

/** The answer to a malformed request. */
interface Refusal {
  /** Sent as X-Request-Id. */
  readonly id: string;
  readonly from: string | undefined;
  readonly status: number;
  /** The error code of Node's HTTP parser. */
  readonly code: string;
}

export interface ListenOptions extends ListenAddress {
  readonly limits?: Partial<typeof defaultLimits>;
  /** Called for each malformed request that was answered. */
  readonly onRefused?: (refusal: Refusal) => void;
  /** Called with errors that the listener threw; the connection is closed. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Serves until `stop`, which waits for running requests. The listener must reject new requests once the stop begins.
 * @throws {SlipwayError} "configuration-invalid" if the address is in use or not available on this host.
 */
export async function listen(listener: RequestListener, options: ListenOptions): Promise<Service> {
  const limits = { ...defaultLimits, ...options.limits };
  const { onFailure } = options;
  const server = createPeerServer(
    {
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      // Large uploads over slow connections take long; each kind of body has its own timeout.
      requestTimeout: 0,
    },
    {
      request: listener,
      onFailure,
    },
  );
  server.on(
    "clientError",
    contain(
      (error: Error, socket: Duplex) => {
        const begun =
          socket instanceof Socket && server.responsesOn(socket).some((response) => response.headersSent);
        const refusal = refuse(error, socket, begun);
        if (refusal !== null) options.onRefused?.(refusal);
      },
      (failure, _error, socket) => {
        onFailure(failure);
        socket.destroy();
      },
    ),
  );
  server.timeout = limits.idleMs;
  server.maxHeadersCount = limits.headerCount;
  await startListening(server, options);
  return {
    async stop({ graceMs }) {
      await server.stop({ graceMs, acceptUntilFinished: true });
    },
  };
}

/**
 * Answers a malformed request, which never reaches Express, with the headers of any other response. If a response has begun on the
 * connection, closes it without an answer.
 */
function refuse(error: Error & { readonly code?: string }, socket: Duplex, begun: boolean): Refusal | null {
  if (!socket.writable || begun) {
    socket.destroy();
    return null;
  }
  const { code = "" } = error;
  const [status, reason, message] = parserErrors[code] ?? [400, "Bad Request", "the request is malformed"];
  const id = randomUUID();
  const body = JSON.stringify({ error: message });
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    `X-Request-Id: ${id}`,
    "Content-Security-Policy: default-src 'none';frame-ancestors 'none'",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: no-referrer",
    "Cache-Control: no-store",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end([...head, "", body].join("\r\n"));
  return { id, from: socket instanceof Socket ? socket.remoteAddress : undefined, status, code };
}
