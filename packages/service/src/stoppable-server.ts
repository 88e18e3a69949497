// An HTTP server that stops gracefully: running requests finish, idle connections close at once.
// Own code, because http.Server.close(), and libraries that call it, cut off responses that a slow client is still receiving.

import { Server } from "node:http";
import type { IncomingMessage, ServerOptions, ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import type { Socket } from "node:net";

export interface StopOptions {
  /** After this time all connections are cut off. */
  readonly graceMs: number;
  /** Runs first. Until it resolves, open connections stay open between requests; new connections are refused. */
  readonly drain?: () => Promise<void>;
  /** Accepts new connections until the running requests have finished. The handlers must reject new requests. */
  readonly acceptUntilFinished?: boolean;
}

/** An upgraded connection is ended by its owner; `stop` cuts it off at the end of the grace time. */
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

  /** The unfinished responses on a connection. */
  responsesOn(socket: Socket): readonly ServerResponse[] {
    return [...(this.#connections.get(socket) ?? [])];
  }

  /** Number of unfinished responses on a connection. */
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

  /** Resolves when all requests that are currently running have finished. Their connections close; idle ones stay open. */
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
    // Sends "Connection: close", unless the headers were sent. On an earlier response it would drop the pipelined ones.
    if (last !== undefined) last.shouldKeepAlive = false;
    else if (!this.#upgraded.has(socket)) socket.destroySoon();
  }
}

/**
 * Emits "close" if Node does not. When a connection closes, Node 24.11 emits no event for responses that are queued behind another one,
 * while Node 24.21 does. Without it, their handlers would wait for the client forever.
 */
function closeResponse(response: ServerResponse): void {
  response.destroy();
  // Node emits the event by the end of this turn at the latest.
  process.nextTick(() => {
    if (!response.closed) response.emit("close");
  });
}
