// The socket.io server: who may connect, over the same HTTP server and under the same bounds as the plain WebSocket.

import { Server as Engine } from "engine.io";
import { Server } from "socket.io";
import { contain } from "@slipway/async";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import { handshakeAuth } from "@slipway/protocol";
import type { ClientEvents, ServerEvents } from "@slipway/protocol";
import { addressKeys } from "@slipway/service";
import type { TrustedProxies } from "@slipway/service";
import { userOf } from "./admission.ts";
import type { Admitted, ClientSocket } from "./client-socket.ts";
import { refusal, tooManyConnections } from "./close-codes.ts";
import type { Connections } from "./connections.ts";
import { maxClientFrameBytes } from "./platform.ts";
import type { ConnectionLimits, Platform } from "./platform.ts";
import { SocketIoSession } from "./socket-io-session.ts";
import { SocketIoTransport } from "./socket-io-transport.ts";
import { Upgrades } from "./upgrades.ts";

export const socketIoPath = "/socket.io/";
const cannotAnswer = "the server cannot answer now, try again later";

export interface SocketIoOptions {
  readonly platform: Platform;
  readonly connections: Connections;
  readonly limits: ConnectionLimits;
  /** Origins whose pages may connect by long polling; WebSockets are not bound by it. */
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: TrustedProxies;
}

/** Takes the requests and upgrades below `socketIoPath` of a server that `createPeerServer` made. */
export interface SocketIo extends Pick<Engine, "handleRequest" | "handleUpgrade"> {
  close(): Promise<void>;
}

export function openSocketIo(options: SocketIoOptions): SocketIo {
  const { platform, connections, limits, corsOrigins } = options;
  const addressOf = addressKeys(options.trustedProxies);
  const transports = new WeakMap<ClientSocket["conn"], SocketIoTransport>();
  const engine = new Engine({
    maxHttpBufferSize: maxClientFrameBytes,
    pingInterval: limits.pingMs,
    pingTimeout: limits.pingMs,
    cors: { origin: corsOrigins.includes("*") ? "*" : [...corsOrigins] },
    wsEngine: Upgrades,
    allowRequest: contain(
      (request, answer) => {
        const close = connections.refusal(addressOf(request));
        answer(close?.reason, close === null);
      },
      (error, _request, answer) => {
        report(error);
        answer(cannotAnswer, false);
      },
    ),
  });
  const io = new Server<ClientEvents, ServerEvents, Record<string, never>, Admitted>({
    serveClient: false,
    connectTimeout: limits.authMs,
  });
  io.bind(engine);
  engine.on(
    "connection",
    contain(
      (conn: ClientSocket["conn"]) => {
        const transport = new SocketIoTransport(conn, addressOf(conn.request));
        transports.set(conn, transport);
        const held = connections.hold(transport);
        conn.once("close", () => held[Symbol.dispose]());
      },
      (error, conn) => {
        report(error);
        conn.close(true);
      },
    ),
  );
  io.use(
    contain(admit, (error, { conn }, next) => {
      next(refused(platform, error));
      // behind the refusal, which is sent in the next tick
      setImmediate(() => transports.get(conn)?.close());
    }),
  );
  io.on(
    "connection",
    contain(
      (socket) => {
        const session = new SocketIoSession(platform, socket, limits.subscriptions);
        const transport = transportOf(socket);
        transport.session = session;
        socket.on("disconnect", () => {
          session[Symbol.dispose]();
          // A client may end its session alone: the transport would stay, of nobody who is known, and without an end.
          transport.close();
        });
      },
      (error, socket) => {
        report(error);
        socket.disconnect(true);
      },
    ),
  );
  return {
    handleRequest: (request, response) => engine.handleRequest(request, response),
    handleUpgrade: (request, socket, head) => engine.handleUpgrade(request, socket, head),
    close: () => io.close(),
  };

  function transportOf({ conn }: ClientSocket): SocketIoTransport {
    const transport = transports.get(conn);
    if (transport === undefined) throw new SlipwayError("internal", "a session has no transport");
    return transport;
  }

  /** @throws {SlipwayError} that the client is refused with. */
  async function admit(socket: ClientSocket, next: (error?: Error) => void): Promise<void> {
    if (!transportOf(socket).tries()) throw refusal("one attempt a connection: connect again");
    Object.assign(socket.data, await signIn(platform, connections, socket.handshake.auth));
    next();
  }

  function report(error: unknown): void {
    platform.logger.error({ err: error }, "a handler of socket.io failed; its connection is closed");
  }
}

async function signIn(platform: Platform, connections: Connections, auth: unknown): Promise<Admitted> {
  const given = handshakeAuth.safeParse(auth);
  if (!given.success) throw refusal("connect with auth: { token }");
  const { token } = given.data;
  const user = await userOf(platform, token);
  if (!connections.admits(user)) throw tooManyConnections();
  return { user, token };
}

/** The client gets it as `connect_error`. */
function refused(platform: Platform, thrown: unknown): Error & { data: { code: string } } {
  const { code, fault, message } = toSlipwayError(thrown);
  if (fault !== "user") platform.logger.error({ err: thrown }, "a client cannot be served");
  const shown = fault === "user" ? message : cannotAnswer;
  return Object.assign(new Error(shown), { data: { code } });
}
