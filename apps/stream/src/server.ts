// The HTTP server: WebSocket upgrades, socket.io requests, and the health endpoint.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import { contain } from "@slipway/async";
import { addressKeys, createPeerServer, healthResponse, startListening } from "@slipway/service";
import type { Health, StoppableServer, TrustedProxies } from "@slipway/service";
import type { Connections } from "./connections.ts";
import { maxClientFrameBytes } from "./limits.ts";
import { socketIoPath } from "./socket-io.ts";
import type { SocketIo } from "./socket-io.ts";
import { StreamWebSocketServer } from "./websocket-server.ts";

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly trustedProxies: TrustedProxies;
  readonly socketIo: Pick<SocketIo, "handleRequest" | "handleUpgrade">;
  /** Receives the error of a failed handler. The handler's connection is closed. */
  readonly onFailure: (error: unknown) => void;
  /** Errors in the result are not sent to clients: they may contain host names. */
  readonly health: () => Promise<Health>;
}

const limits = { headersMs: 15_000, requestMs: 30_000, keepAliveMs: 10_000, headerBytes: 16 * 1024 } as const;

/** @throws {SlipwayError} "configuration-invalid" when the address is in use or not an address of this machine. */
export async function listen(connections: Connections, options: ServerOptions): Promise<StoppableServer> {
  const { socketIo, onFailure } = options;
  const webSockets = new StreamWebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxClientFrameBytes,
    // Compression of short frames saves little, needs memory per client, and would prevent sharing frames between clients.
    perMessageDeflate: false,
  });
  const serve = serveWebSocket(connections, options);
  const server = createPeerServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
    },
    {
      request: (request, response) => {
        if (isSocketIo(request)) return socketIo.handleRequest(request, response);
        return respond(request, response, options.health);
      },
      upgrade: (request, socket, head) => {
        if (isSocketIo(request)) return socketIo.handleUpgrade(request, socket, head);
        // Every upgrade is accepted, and rejected later by a close frame: browsers do not show the response to a failed handshake.
        return webSockets.handleUpgrade(request, socket, head, serve);
      },
      onFailure,
    },
  );
  await startListening(server, options);
  return server;
}

/** @returns the app's name or id in the path `/apps/:app`; null for any other path. */
export function appIn(url: string): string | null {
  const encoded = /^\/apps\/([^/?#]+)\/?(?:[?#]|$)/.exec(url)?.[1];
  try {
    return encoded === undefined ? null : decodeURIComponent(encoded);
  } catch {
    return null;
  }
}

/** @returns the handler of upgraded connections. */
function serveWebSocket(connections: Connections, { trustedProxies, onFailure }: ServerOptions) {
  const addressOf = addressKeys(trustedProxies);
  const fail = (error: unknown, webSocket: WebSocket) => {
    onFailure(error);
    webSocket.terminate();
  };
  return contain((webSocket: WebSocket, request: IncomingMessage) => {
    const { url = "/", socket, headers } = request;
    const client = {
      webSocket,
      socket,
      app: appIn(url),
      origin: headers.origin,
      address: addressOf(request),
    };
    // Not returned: a pending promise would keep the request in memory as long as the connection.
    connections.serve(client).catch((error: unknown) => fail(error, webSocket));
  }, fail);
}

function isSocketIo({ url }: IncomingMessage): boolean {
  return url?.startsWith(socketIoPath) === true;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  health: () => Promise<Health>,
): Promise<void> {
  const path = (request.url ?? "/").split("?")[0];
  if (path === "/health" && (request.method === "GET" || request.method === "HEAD")) {
    const { status, body } = healthResponse(await health());
    json(response, status, body);
  } else {
    json(response, 404, {
      error: `not found: connect by WebSocket to /apps/NAME, or by socket.io to ${socketIoPath}`,
    });
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
    .end(JSON.stringify(body));
}
