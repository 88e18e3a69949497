// The socket.io server: who may connect, over the same HTTP server and under the same bounds as the plain WebSocket.

import type { Server as HttpServer } from "node:http";
import { Server } from "socket.io";
import type { Socket } from "socket.io";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import type { User } from "@slipway/core";
import { handshakeAuth } from "@slipway/protocol";
import type { ClientEvents, ServerEvents } from "@slipway/protocol";
import { addressKeys } from "@slipway/service";
import type { TrustedProxies } from "@slipway/service";
import { userOf } from "./admission.ts";
import { refusal, tooManyOfUser } from "./close-codes.ts";
import type { Connections } from "./connections.ts";
import { maxClientFrameBytes } from "./platform.ts";
import type { ConnectionLimits, Platform } from "./platform.ts";
import { SocketIoSession } from "./socket-io-session.ts";
import { SocketIoTransport } from "./socket-io-transport.ts";
import { Upgrades } from "./upgrades.ts";

export const socketIoPath = "/socket.io/";

export interface SocketIoOptions {
  readonly platform: Platform;
  readonly connections: Connections;
  readonly limits: ConnectionLimits;
  /** Origins whose pages may connect by long polling; WebSockets are not bound by it. */
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: TrustedProxies;
}

export type ClientSocket = Socket<ClientEvents, ServerEvents, Record<string, never>, Admitted>;

/** Who a connection is of, as they are known, and what they came with. */
interface Admitted {
  user: User;
  token: string;
}

export function openSocketIo(server: HttpServer, options: SocketIoOptions): { close(): Promise<void> } {
  const { platform, connections, limits, corsOrigins } = options;
  const addressOf = addressKeys(options.trustedProxies);
  const transports = new WeakMap<ClientSocket["conn"], SocketIoTransport>();
  const io = new Server<ClientEvents, ServerEvents, Record<string, never>, Admitted>(server, {
    path: socketIoPath,
    serveClient: false,
    destroyUpgrade: false,
    maxHttpBufferSize: maxClientFrameBytes,
    connectTimeout: limits.authMs,
    pingInterval: limits.pingMs,
    pingTimeout: limits.pingMs,
    cors: { origin: corsOrigins.includes("*") ? "*" : [...corsOrigins] },
    wsEngine: Upgrades,
    allowRequest: (request, answer) => {
      const close = connections.refusal(addressOf(request));
      answer(close?.reason, close === null);
    },
  });
  io.engine.on("connection", (conn: ClientSocket["conn"]) => {
    const transport = new SocketIoTransport(conn, addressOf(conn.request));
    transports.set(conn, transport);
    const held = connections.hold(transport);
    conn.once("close", () => held[Symbol.dispose]());
  });
  io.use((socket, next) => void admit(socket, next));
  io.on("connection", (socket) => {
    const session = new SocketIoSession(platform, socket, limits.subscriptions);
    const transport = transportOf(socket);
    transport.session = session;
    socket.on("disconnect", () => {
      session[Symbol.dispose]();
      // A client may end its session alone: the transport would stay, of nobody who is known, and without an end.
      transport.close();
    });
  });
  return { close: () => io.close() };

  function transportOf({ conn }: ClientSocket): SocketIoTransport {
    const transport = transports.get(conn);
    if (transport === undefined) throw new SlipwayError("internal", "a session has no transport");
    return transport;
  }

  async function admit(socket: ClientSocket, next: (error?: Error) => void): Promise<void> {
    const transport = transportOf(socket);
    try {
      if (!transport.tries()) throw refusal("one attempt a connection: connect again");
      Object.assign(socket.data, await signIn(platform, connections, socket.handshake.auth));
    } catch (error) {
      next(refused(platform, error));
      // behind the refusal, which is sent in the next tick
      setImmediate(() => transport.close());
      return;
    }
    next();
  }
}

async function signIn(platform: Platform, connections: Connections, auth: unknown): Promise<Admitted> {
  const given = handshakeAuth.safeParse(auth);
  if (!given.success) throw refusal("connect with auth: { token }");
  const { token } = given.data;
  const user = await userOf(platform, token);
  if (!connections.admits(user)) throw tooManyOfUser();
  return { user, token };
}

/** The client gets it as `connect_error`. */
function refused(platform: Platform, thrown: unknown): Error & { data: { code: string } } {
  const { code, fault, message } = toSlipwayError(thrown);
  if (fault !== "user") platform.logger.error({ err: thrown }, "a client cannot be served");
  const shown = fault === "user" ? message : "the server cannot answer now, try again later";
  return Object.assign(new Error(shown), { data: { code } });
}
