// Connections to an app's instances: what uses one gets it once it stands, so that a refused one has cost no byte of a request.

import { once } from "node:events";
import { Agent } from "node:http";
import type { ClientRequestArgs } from "node:http";
import { connect as connectTo } from "node:net";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { withDeadline } from "@slipway/async";
import type { Address } from "@slipway/core";

/** Instances are near; one that does not take a connection in this time is away. */
const connectTimeoutMs = 3_000;

/** As Node has it, though it takes an error without a socket. */
type Created = (error: Error | null, socket: Duplex) => void;

/** Hands a request its socket when it is connected, not before. */
export class ConnectedAgent extends Agent {
  override createConnection(options: ClientRequestArgs, created?: Created): undefined {
    connect({ host: options.host ?? "", port: Number(options.port) }).then(
      (socket) => created?.(null, socket),
      (error: Error) => (created as ((error: Error) => void) | undefined)?.(error),
    );
  }
}

/** Gives its one request a connection that stands already. */
export class OneConnection extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  override createConnection(): Socket {
    return this.#socket;
  }
}

/** @throws an error for which `isUnsent` holds when the connection does not come about. */
export async function connect({ host, port }: Address): Promise<Socket> {
  const socket = connectTo({ host, port, noDelay: true, keepAlive: true });
  const late = () =>
    Object.assign(new Error("no connection in time"), { syscall: "connect", code: "ETIMEDOUT" });
  try {
    await withDeadline(once(socket, "connect"), { limitMs: connectTimeoutMs, error: late });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Whether the error says that there was no connection, so that nothing can have been sent. */
export function isUnsent(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall === "connect";
}
