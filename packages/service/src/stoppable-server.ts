// An HTTP server that stops gracefully: running requests finish, idle connections close at once.
// Own code, because http.Server.close(), and the libraries that call it, cut responses that a slow client still receives.

import { Server } from "node:http";
import type { IncomingMessage, ServerOptions, ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import type { Socket } from "node:net";

export interface StopOptions {
  /** After this time all connections are cut. */
  readonly graceMs: number;
  /** Runs first. Until it resolves, the open connections stay open between requests; new ones are refused. */
  readonly drain?: () => Promise<void>;
  /** Accepts new connections until the running requests have finished. The handlers have to reject the new requests. */
  readonly acceptUntilFinished?: boolean;
}

/** The owner of an upgraded connection ends it; `stop` cuts it at the end of the grace time. */
export class StoppableServer extends Server {
  /** The unfinished responses of each open connection. */
  readonly #connections = new Map<Socket, Set<ServerResponse>>();
  readonly #upgraded = new WeakSet<Socket>();
  /** Whether a connection closes after its running responses. */
  #closing = false;

  constructor(options: ServerOptions) {
    super(options);
    this.on("connection", (socket: Socket) => {
      this.#connections.set(socket, new Set());
      socket.once("close", () => {
        const unfinished = this.responsesOn(socket);
        this.#connections.delete(socket);
        for (const response of unfinished) closeResponse(response);
      });
    });
    this.on("request", (request, response) => this.#track(request, response));
  }

  /** Excludes the connection from those that close when they have no running request. */
  markUpgraded(socket: Socket): void {
    this.#upgraded.add(socket);
  }

  /** The unfinished responses on the connection. */
  responsesOn(socket: Socket): readonly ServerResponse[] {
    return [...(this.#connections.get(socket) ?? [])];
  }

  /** How many responses on the connection are unfinished. */
  unansweredOn(socket: Socket): number {
    return this.#connections.get(socket)?.size ?? 0;
  }

  /** Resolves when all connections are closed. Further calls are allowed, and may shorten the grace time. */
  async stop({ graceMs, drain, acceptUntilFinished = false }: StopOptions): Promise<void> {
    const closed = Promise.withResolvers<void>();
    const refuseConnections = () => NetServer.prototype.close.call(this, () => closed.resolve());
    const timer = setTimeout(() => {
      refuseConnections();
      for (const socket of this.#connections.keys()) socket.destroy();
    }, graceMs);
    try {
      if (acceptUntilFinished) await this.#finishRequests();
      refuseConnections();
      if (drain !== undefined) await drain();
      this.#closing = true;
      for (const socket of this.#connections.keys()) this.#closeWhenIdle(socket);
      await closed.promise;
    } finally {
      clearTimeout(timer);
    }
    // Ends Node's interval for slow headers, which has to run until here.
    this.close();
  }

  /** Resolves when the requests that are running now have finished. Their connections close, idle ones stay open. */
  async #finishRequests(): Promise<void> {
    this.#closing = true;
    const finished: Promise<void>[] = [];
    for (const [socket, responses] of this.#connections) {
      if (responses.size > 0) this.#closeWhenIdle(socket);
      for (const response of responses)
        finished.push(new Promise((resolve) => response.once("close", resolve)));
    }
    await Promise.all(finished);
  }

  #track({ socket }: IncomingMessage, response: ServerResponse): void {
    const responses = this.#connections.get(socket);
    responses?.add(response);
    if (this.#closing) this.#closeWhenIdle(socket);
    response.once("close", () => {
      responses?.delete(response);
      if (this.#closing) this.#closeWhenIdle(socket);
    });
  }

  /** Also closes a connection on which no complete request has arrived. */
  #closeWhenIdle(socket: Socket): void {
    const last = this.responsesOn(socket).at(-1);
    // Sends "Connection: close", unless the headers are sent. On an earlier response it would drop the pipelined ones.
    if (last !== undefined) last.shouldKeepAlive = false;
    else if (!this.#upgraded.has(socket)) socket.destroySoon();
  }
}

/**
 * Emits "close" if Node does not. For responses that are queued behind another on their connection, Node 24.11 emits none when the
 * connection closes, Node 24.21 does. Their handlers would wait for the client forever.
 */
function closeResponse(response: ServerResponse): void {
  response.destroy();
  // Node emits it at the end of this turn at the latest.
  process.nextTick(() => {
    if (!response.closed) response.emit("close");
  });
}
