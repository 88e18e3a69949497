// The HTTP server of a process whose clients are strangers: one that leaves, at whatever moment, does no harm to the others.

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { contain } from "@slipway/async";

export interface PeerHandlers {
  /** May return a promise. */
  readonly request: (request: IncomingMessage, response: ServerResponse) => unknown;
  /** May return a promise. Without it, a request to upgrade is handled as if it asked for no upgrade. */
  readonly upgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => unknown;
  /** Gets what a handler threw or rejected with, and errors of responses. The connection is closed. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Creates a server. Whenever one of its handlers runs, `request.socket.remoteAddress` is known, and stays so after the client
 * has left. The address of a client that has left already cannot be found out: its connection is closed, and no handler runs.
 */
export function createPeerServer(
  options: ServerOptions,
  { request, upgrade, onFailure }: PeerHandlers,
): Server {
  const fail = (error: unknown, { socket }: IncomingMessage) => {
    onFailure(error);
    socket.destroy();
  };
  const server = createServer(
    options,
    contain((incoming: IncomingMessage, response: ServerResponse) => {
      response.on("error", (error) => fail(error, incoming));
      return hasLeft(incoming) ? undefined : request(incoming, response);
    }, fail),
  );
  if (upgrade === undefined) return server;
  return server.on(
    "upgrade",
    contain((incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Node listens to an upgraded connection no longer. The handler learns of the error by the "close" that follows.
      socket.on("error", () => undefined);
      return hasLeft(incoming) ? undefined : upgrade(incoming, incoming.socket, head);
    }, fail),
  );
}

/** Asks for the address as well: Node remembers it from the first time. */
function hasLeft({ socket }: IncomingMessage): boolean {
  if (socket.remoteAddress !== undefined) return false;
  socket.destroy();
  return true;
}
