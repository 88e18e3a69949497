// The HTTP server: its limits of time and size, and how it stops.

import { randomUUID } from "node:crypto";
import type { RequestListener, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { contain } from "@slipway/async";
import { createPeerServer, startListening, stopListening } from "@slipway/service";
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

/** Errors of Node's HTTP parser that are not just malformed requests. */
const unreadable: Readonly<Record<string, readonly [status: number, reason: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "the request's headers are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "the request took too long"],
};

/** An answer to what could not be read. */
interface Refusal {
  /** Answered as X-Request-Id. */
  readonly id: string;
  readonly from: string | undefined;
  readonly status: number;
  /** Of Node's HTTP parser. */
  readonly code: string;
}

export interface ListenOptions extends ListenAddress {
  readonly limits?: Partial<typeof defaultLimits>;
  /** Told of each. */
  readonly onRefused?: (refusal: Refusal) => void;
  /** Gets errors that the listener did not answer; the connection is closed. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Serves until it is stopped. While it stops, requests that run are finished; to answer new ones is the listener's, which has
 * to know of the stop before.
 * @throws {SlipwayError} "configuration-invalid" when the address is taken or not ours.
 */
export async function listen(listener: RequestListener, options: ListenOptions): Promise<Service> {
  const limits = { ...defaultLimits, ...options.limits };
  const running = new Running();
  const { onFailure } = options;
  const server = createPeerServer(
    {
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      // A big archive over a slow line takes what it takes: bodies have bounds of their own, by kind.
      requestTimeout: 0,
    },
    {
      request: (request, response) => {
        running.add(response);
        return listener(request, response);
      },
      onFailure,
    },
  );
  server.on(
    "clientError",
    contain(
      (error: Error, socket: Duplex) => {
        const refusal = refuse(error, socket, running.hasBegun(socket));
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
  #stopping = false;

  add(response: ServerResponse): void {
    this.#responses.add(response);
    response.once("close", () => {
      this.#responses.delete(response);
      if (this.#stopping && this.#responses.size === 0) this.#none.resolve();
    });
  }

  /** Whether something was answered on the connection already that is not at its end. */
  hasBegun(connection: Duplex): boolean {
    return this.#responses.values().some(({ socket, headersSent }) => socket === connection && headersSent);
  }

  /** Resolves when none is left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#responses.size > 0) await this.#none.promise;
  }
}

/**
 * What cannot be read as a request comes to no route: it is answered here, as a route would. Into an answer that has begun
 * nothing else is written.
 */
function refuse(error: Error & { readonly code?: string }, socket: Duplex, begun: boolean): Refusal | null {
  if (!socket.writable || begun) {
    socket.destroy();
    return null;
  }
  const { code = "" } = error;
  const [status, reason, message] = unreadable[code] ?? [400, "Bad Request", "the request is malformed"];
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
