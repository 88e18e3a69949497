// The socket.io server: who may connect, over the same HTTP server and under the same bounds as the plain WebSocket.

import type { Server as HttpServer } from "node:http";
import { Server } from "socket.io";
import type { Socket } from "socket.io";
import { toSlipwayError } from "@slipway/core";
import type { User } from "@slipway/core";
import { handshakeAuth } from "@slipway/protocol";
import type { ClientEvents, ServerEvents } from "@slipway/protocol";
import { userOf } from "./admission.ts";
import { refusal, tooMany, tooManyOfUser } from "./close-codes.ts";
import type { Connections } from "./connections.ts";
import { maxClientFrameBytes } from "./platform.ts";
import type { ConnectionLimits, Platform } from "./platform.ts";
import { SocketIoSession } from "./socket-io-session.ts";

export const socketIoPath = "/socket.io/";

export interface SocketIoOptions {
  readonly platform: Platform;
  readonly connections: Connections;
  readonly limits: ConnectionLimits;
  /** Origins whose pages may connect by long polling; WebSockets are not bound by it. */
  readonly corsOrigins: readonly string[];
}

export type ClientSocket = Socket<ClientEvents, ServerEvents, Record<string, never>, Admitted>;

/** Who a connection is of, as they are known, and what they came with. */
interface Admitted {
  user: User;
  token: string;
}

export function openSocketIo(server: HttpServer, options: SocketIoOptions): { close(): Promise<void> } {
  const { platform, connections, limits, corsOrigins } = options;
  const io = new Server<ClientEvents, ServerEvents, Record<string, never>, Admitted>(server, {
    path: socketIoPath,
    serveClient: false,
    destroyUpgrade: false,
    maxHttpBufferSize: maxClientFrameBytes,
    connectTimeout: limits.authMs,
    pingInterval: limits.pingMs,
    pingTimeout: limits.pingMs,
    cors: { origin: corsOrigins.includes("*") ? "*" : [...corsOrigins] },
    allowRequest: (_request, answer) => {
      const close = strangers() >= limits.unknownConnections ? tooMany : connections.refusal();
      answer(close?.reason, close === null);
    },
  });
  io.use((socket, next) => void admit(socket, next));
  io.on("connection", (socket) => {
    const session = new SocketIoSession(platform, socket, limits.subscriptions);
    const held = connections.hold(session);
    socket.on("disconnect", () => {
      held[Symbol.dispose]();
      session[Symbol.dispose]();
    });
  });
  return { close: () => io.close() };

  /** Transports whose clients have not said who they are: `connections` learns of them when they have. */
  function strangers(): number {
    return io.engine.clientsCount - io.of("/").sockets.size;
  }

  async function admit(socket: ClientSocket, next: (error?: Error) => void): Promise<void> {
    try {
      Object.assign(socket.data, await signIn(platform, connections, socket.handshake.auth));
    } catch (error) {
      return next(refused(platform, error));
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
