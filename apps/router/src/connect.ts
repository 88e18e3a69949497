// Connections to an app's instances. A request is sent only on an established connection, so that a refused one can be retried.

import { once } from "node:events";
import { Agent } from "node:http";
import type { ClientRequestArgs } from "node:http";
import { connect as connectTo } from "node:net";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { withDeadline } from "@slipway/async";
import type { Address } from "@slipway/core";

/** Instances are on the local network. An instance that accepts no connection within this time is unreachable. */
const connectTimeoutMs = 3_000;

/** Node's callback type, which requires a socket although Node accepts an error alone. */
type Created = (error: Error | null, socket: Duplex) => void;

/** An agent that passes a socket to a request only after the socket has connected. */
export class ConnectedAgent extends Agent {
  override createConnection(options: ClientRequestArgs, created?: Created): undefined {
    connect({ host: options.host ?? "", port: Number(options.port) }).then(
      (socket) => created?.(null, socket),
      (error: Error) => (created as ((error: Error) => void) | undefined)?.(error),
    );
  }
}

/** An agent for a single request on an established connection. */
export class SingleConnectionAgent extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  override createConnection(): Socket {
    return this.#socket;
  }
}

/** @throws an error for which `isConnectError` returns true when the connection cannot be established. */
export async function connect({ host, port }: Address): Promise<Socket> {
  const socket = connectTo({ host, port, noDelay: true, keepAlive: true });
  const timedOut = () =>
    Object.assign(new Error(`no connection within ${connectTimeoutMs} ms`), {
      syscall: "connect",
      code: "ETIMEDOUT",
    });
  try {
    await withDeadline(once(socket, "connect"), { limitMs: connectTimeoutMs, error: timedOut });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Whether the connection was not established, so that nothing was sent. */
export function isConnectError(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall === "connect";
}
