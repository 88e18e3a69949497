// The socket.io server: authenticates clients, on the same HTTP server and under the same limits as the plain WebSocket.

import { Server as Engine } from "engine.io";
import { Server } from "socket.io";
import { contain } from "@slipway/async";
import { SlipwayError, toSlipwayError } from "@slipway/core";
import { handshakeAuth } from "@slipway/protocol";
import type { ClientEvents, ServerEvents } from "@slipway/protocol";
import { addressKeys } from "@slipway/service";
import type { Logger, TrustedProxies } from "@slipway/service";
import type { Authorization } from "./authorization.ts";
import type { ClientSocket, Credentials } from "./client-socket.ts";
import { tooManyConnections, unauthorized } from "./close-codes.ts";
import type { Connections } from "./connections.ts";
import { maxClientFrameBytes } from "./limits.ts";
import type { ConnectionLimits } from "./limits.ts";
import { SocketIoSession } from "./socket-io-session.ts";
import type { SessionContext } from "./socket-io-session.ts";
import { SocketIoTransport } from "./socket-io-transport.ts";
import { StreamWebSocketServer } from "./websocket-server.ts";

export const socketIoPath = "/socket.io/";
const cannotAnswer = "the server cannot answer now, try again later";

export interface SocketIoOptions {
  readonly context: SessionContext & { readonly authorization: Pick<Authorization, "authenticate"> };
  readonly connections: Pick<Connections, "makeRoomFor" | "track" | "hasRoomFor">;
  readonly limits: ConnectionLimits;
  /** Origins whose pages may connect by long polling. Browsers do not restrict WebSockets by CORS. */
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: TrustedProxies;
}

/** Handles the requests and upgrades below `socketIoPath` of a server made by `createPeerServer`. */
export interface SocketIo extends Pick<Engine, "handleRequest" | "handleUpgrade"> {
  close(): Promise<void>;
}

type IoServer = Server<ClientEvents, ServerEvents, Record<string, never>, Credentials>;
type Transports = WeakMap<ClientSocket["conn"], SocketIoTransport>;

/** Opens the socket.io server. The caller passes it the requests of its HTTP server. */
export function openSocketIo(options: SocketIoOptions): SocketIo {
  const transports: Transports = new WeakMap();
  const engine = createEngine(options);
  const io: IoServer = new Server({ serveClient: false, connectTimeout: options.limits.authMs });
  io.bind(engine);
  trackTransports(engine, transports, options);
  authenticateSessions(io, transports, options);
  serveSessions(io, transports, options);
  return {
    handleRequest: (request, response) => engine.handleRequest(request, response),
    handleUpgrade: (request, socket, head) => engine.handleUpgrade(request, socket, head),
    close: () => io.close(),
  };
}

function createEngine({
  context,
  connections,
  limits,
  corsOrigins,
  trustedProxies,
}: SocketIoOptions): Engine {
  const addressOf = addressKeys(trustedProxies);
  return new Engine({
    maxHttpBufferSize: maxClientFrameBytes,
    pingInterval: limits.pingMs,
    pingTimeout: limits.pingMs,
    cors: { origin: corsOrigins.includes("*") ? "*" : [...corsOrigins] },
    wsEngine: StreamWebSocketServer,
    allowRequest: contain(
      (request, callback) => {
        const rejection = connections.makeRoomFor(addressOf(request));
        callback(rejection?.reason, rejection === null);
      },
      (error, _request, callback) => {
        logFailure(context, error);
        callback(cannotAnswer, false);
      },
    ),
  });
}

/** Counts each transport as a connection, from its handshake to its close. */
function trackTransports(
  engine: Engine,
  transports: Transports,
  { context, connections, trustedProxies }: SocketIoOptions,
): void {
  const addressOf = addressKeys(trustedProxies);
  engine.on(
    "connection",
    contain(
      (conn: ClientSocket["conn"]) => {
        const transport = new SocketIoTransport(conn, addressOf(conn.request));
        transports.set(conn, transport);
        const tracked = connections.track(transport);
        conn.once("close", () => tracked[Symbol.dispose]());
      },
      (error, conn) => {
        logFailure(context, error);
        conn.close(true);
      },
    ),
  );
}

/** Authenticates a session before its "connection" event. An error reaches the client as `connect_error`. */
function authenticateSessions(io: IoServer, transports: Transports, options: SocketIoOptions): void {
  io.use(
    contain(
      async (socket: ClientSocket, next: (error?: Error) => void) => {
        if (!transportOf(transports, socket).beginAuthentication())
          throw unauthorized("this connection has already attempted to authenticate: connect again");
        Object.assign(socket.data, await authenticateHandshake(options, socket.handshake.auth));
        next();
      },
      (error, { conn }, next) => {
        next(connectError(options.context, error));
        // The error is sent in the next tick, and the close has to follow it.
        setImmediate(() => transports.get(conn)?.close());
      },
    ),
  );
}

function serveSessions(io: IoServer, transports: Transports, { context, limits }: SocketIoOptions): void {
  io.on(
    "connection",
    contain(
      (socket: ClientSocket) => {
        const session = new SocketIoSession(context, socket, limits.subscriptions);
        const transport = transportOf(transports, socket);
        transport.session = session;
        socket.on("disconnect", () => {
          session[Symbol.dispose]();
          // A client may end its session but keep the transport, which would then stay open without a user and without a time limit.
          transport.close();
        });
      },
      (error, socket) => {
        logFailure(context, error);
        socket.disconnect(true);
      },
    ),
  );
}

function transportOf(transports: Transports, { conn }: ClientSocket): SocketIoTransport {
  const transport = transports.get(conn);
  if (transport === undefined) throw new SlipwayError("internal", "a socket.io session has no transport");
  return transport;
}

function logFailure({ logger }: { readonly logger: Logger }, error: unknown): void {
  logger.error({ err: error }, "a socket.io handler failed; its connection is closed");
}

/** @throws {SlipwayError} "unauthorized", or "too-many-requests" when the user has too many connections. */
async function authenticateHandshake(
  { context, connections }: SocketIoOptions,
  auth: unknown,
): Promise<Credentials> {
  const parsed = handshakeAuth.safeParse(auth);
  if (!parsed.success) throw unauthorized("connect with auth: { token }");
  const { token } = parsed.data;
  const user = await context.authorization.authenticate(token);
  if (!connections.hasRoomFor(user)) throw tooManyConnections();
  return { user, token };
}

function connectError(
  { logger }: { readonly logger: Logger },
  thrown: unknown,
): Error & { data: { code: string } } {
  const { code, fault, message } = toSlipwayError(thrown);
  if (fault !== "user") logger.error({ err: thrown }, "a client cannot be served");
  return Object.assign(new Error(fault === "user" ? message : cannotAnswer), { data: { code } });
}
