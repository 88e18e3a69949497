// The HTTP server: its limits of time and size, and how it stops.

import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { startListening, stopListening } from "@slipway/service";
import type { ListenAddress, Service } from "@slipway/service";

const defaultLimits = {
  /** From the connection to the end of a request's headers. */
  headersMs: 15_000,
  /** A connection on which nothing moves is cut. */
  idleMs: 60_000,
  keepAliveMs: 10_000,
  /** How often connections are looked at for slow headers, and when stopping for idle ones. */
  checkMs: 5_000,
  sweepMs: 50,
  headerBytes: 16 * 1024,
  headerCount: 100,
};
const retryAfterSeconds = 5;

/** Errors of Node's HTTP parser that are not just malformed requests. */
const unreadable: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "the request's headers are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "the request took too long"],
};

export interface ListenOptions extends ListenAddress {
  readonly limits?: Partial<typeof defaultLimits>;
}

/**
 * Serves until it is stopped. While it stops, requests that run are finished, and new ones are told to come again.
 * @throws {SlipwayError} "configuration-invalid" when the address is taken or not ours.
 */
export async function listen(listener: RequestListener, options: ListenOptions): Promise<Service> {
  const limits = { ...defaultLimits, ...options.limits };
  const running = new Running();
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      // A big archive over a slow line takes what it takes: bodies have bounds of their own, by kind.
      requestTimeout: 0,
    },
    (request, response) => {
      if (running.stopping) return sendAway(request, response);
      running.add(response);
      listener(request, response);
    },
  );
  server.on("clientError", refuse);
  server.timeout = limits.idleMs;
  server.maxHeadersCount = limits.headerCount;
  await startListening(server, options);
  return {
    async stop({ graceMs }) {
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await running.stop();
      await stopListening(server, limits.sweepMs);
      clearTimeout(cut);
    },
  };
}

/** The requests that are being answered. */
class Running {
  readonly #responses = new Set<ServerResponse>();
  readonly #none = Promise.withResolvers<void>();
  stopping = false;

  add(response: ServerResponse): void {
    this.#responses.add(response);
    response.once("close", () => {
      this.#responses.delete(response);
      if (this.stopping && this.#responses.size === 0) this.#none.resolve();
    });
  }

  /** Resolves when none is left. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.#responses.size > 0) await this.#none.promise;
  }
}

/** The connection ends with the answer, so that whoever shares connections out finds another process. */
function sendAway(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response
    .writeHead(503, {
      "content-type": "application/json; charset=utf-8",
      "retry-after": String(retryAfterSeconds),
      "cache-control": "no-store",
      connection: "close",
    })
    .end(JSON.stringify({ error: "the server is being stopped; try again in a moment" }));
}

/** What cannot be read as a request comes to no route: it is answered here, as a route would. */
function refuse(error: Error & { readonly code?: string }, socket: Duplex): void {
  const [status, message] = unreadable[error.code ?? ""] ?? ["400 Bad Request", "the request is malformed"];
  const body = JSON.stringify({ error: message });
  const head = [`HTTP/1.1 ${status}`, "Content-Type: application/json; charset=utf-8", "Connection: close"];
  if (socket.writable) socket.end([...head, `Content-Length: ${body.length}`, "", body].join("\r\n"));
  else socket.destroy();
}
