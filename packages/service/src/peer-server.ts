// An HTTP server for untrusted clients: a client that disconnects at any time does not affect other clients.

import type { IncomingMessage, ServerOptions, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { contain } from "@slipway/async";
import { StoppableServer } from "./stoppable-server.ts";

export interface PeerHandlers {
  /** May return a promise. */
  readonly request: (request: IncomingMessage, response: ServerResponse) => unknown;
  /** May return a promise. Without it, upgrade requests are handled as plain requests. */
  readonly upgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => unknown;
  /** Receives errors of handlers and responses, whose connection is closed, and of accepting connections. */
  readonly onFailure: (error: unknown) => void;
  /** Whether clients have addresses, which those of a Unix socket have not. Default: true. */
  readonly hasAddresses?: boolean;
}

/**
 * Maximum number of unanswered requests per connection. Each takes memory, even when the client reads no responses, and one
 * packet can contain a thousand of them. Most clients wait for each response; the others must repeat requests anyway when a connection
 * closes (RFC 9112, 9.3.2).
 */
const maxUnanswered = 32;

/**
 * Creates a server. In its handlers `request.socket.remoteAddress` is defined, except on a Unix socket, and remains so after the client has disconnected.
 * The address of a client that disconnected earlier is not available: its connection is closed, and no handler is called. A connection
 * with more than 32 unanswered requests is closed too.
 */
export function createPeerServer(
  options: ServerOptions,
  { request, upgrade, onFailure, hasAddresses = true }: PeerHandlers,
): StoppableServer {
  const fail = (error: unknown, { socket }: IncomingMessage) => {
    onFailure(error);
    socket.destroy();
  };
  const isGone = (incoming: IncomingMessage) => hasAddresses && hasDisconnected(incoming);
  const server = new StoppableServer(options).on(
    "request",
    contain((incoming: IncomingMessage, response: ServerResponse) => {
      response.on("error", (error) => fail(error, incoming));
      if (isGone(incoming)) return undefined;
      if (server.unansweredOn(incoming.socket) <= maxUnanswered) return request(incoming, response);
      incoming.socket.destroy();
      return undefined;
    }, fail),
  );
  // Without a listener, a failure to accept a connection, e.g. for lack of file descriptors, would end the process.
  server.on("error", (error) => {
    if (server.listening) onFailure(error);
  });
  if (upgrade === undefined) return server;
  return server.on(
    "upgrade",
    contain((incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Node removes its error listener from an upgraded connection. The handler receives the "close" that follows an error.
      socket.on("error", () => undefined);
      server.markUpgraded(incoming.socket);
      return isGone(incoming) ? undefined : upgrade(incoming, incoming.socket, head);
    }, fail),
  );
}

/** Also reads the address, which Node then caches. */
function hasDisconnected({ socket }: IncomingMessage): boolean {
  if (socket.remoteAddress !== undefined) return false;
  socket.destroy();
  return true;
}
