// The HTTP server: upgrades to WebSocket, the requests of socket.io, and the answer to whoever asks for the process's health.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import { contain } from "@slipway/async";
import { addressKeys, createPeerServer, shownHealth, startListening } from "@slipway/service";
import type { Health, TrustedProxies } from "@slipway/service";
import type { Connections } from "./connections.ts";
import { maxClientFrameBytes } from "./platform.ts";
import { socketIoPath } from "./socket-io.ts";
import type { SocketIo } from "./socket-io.ts";
import { Upgrades } from "./upgrades.ts";

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly trustedProxies: TrustedProxies;
  readonly socketIo: Pick<SocketIo, "handleRequest" | "handleUpgrade">;
  /** Gets what a handler failed with; its connection is closed. */
  readonly onFailure: (error: unknown) => void;
  /** Its reasons are not shown to whoever asks: they may name hosts. */
  readonly health: () => Promise<Health>;
}

const limits = { headersMs: 15_000, requestMs: 30_000, keepAliveMs: 10_000, headerBytes: 16 * 1024 } as const;

/** @throws {SlipwayError} "configuration-invalid" when the address is taken or not ours. */
export async function listen(connections: Connections, options: ServerOptions): Promise<Server> {
  const { socketIo, onFailure } = options;
  const upgrades = new Upgrades({
    noServer: true,
    clientTracking: false,
    maxPayload: maxClientFrameBytes,
    // Lines are short and come in many small frames: compressing each by itself gains little, costs a context of
    // memory per client, and would make every client's bytes different.
    perMessageDeflate: false,
  });
  const serve = serving(connections, options);
  const server = createPeerServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
    },
    {
      request: (request, response) => {
        if (isForSocketIo(request)) return socketIo.handleRequest(request, response);
        return answer(request, response, options.health);
      },
      upgrade: (request, socket, head) => {
        if (isForSocketIo(request)) return socketIo.handleUpgrade(request, socket, head);
        // Every upgrade is accepted, and a refusal is a close: some clients have no way to see a refused handshake.
        return upgrades.handleUpgrade(request, socket, head, serve);
      },
      onFailure,
    },
  );
  await startListening(server, options);
  return server;
}

/** Name or id of the app that the path `/apps/:app` names; null for any other path. */
export function appIn(url: string): string | null {
  const encoded = /^\/apps\/([^/?#]+)\/?(?:[?#]|$)/.exec(url)?.[1];
  try {
    return encoded === undefined ? null : decodeURIComponent(encoded);
  } catch {
    return null;
  }
}

/** What serves a client that was upgraded. */
function serving(connections: Connections, { trustedProxies, onFailure }: ServerOptions) {
  const addressOf = addressKeys(trustedProxies);
  return contain(
    (webSocket: WebSocket, request: IncomingMessage) => {
      const { url = "/", socket, headers } = request;
      const { origin } = headers;
      return connections.serve({ webSocket, socket, app: appIn(url), origin, address: addressOf(request) });
    },
    (error, webSocket) => {
      onFailure(error);
      webSocket.terminate();
    },
  );
}

function isForSocketIo({ url }: IncomingMessage): boolean {
  return url?.startsWith(socketIoPath) === true;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  health: () => Promise<Health>,
): Promise<void> {
  const path = (request.url ?? "/").split("?")[0];
  if (path === "/health" && (request.method === "GET" || request.method === "HEAD")) {
    const { status, body } = shownHealth(await health());
    json(response, status, body);
  } else {
    json(response, 404, {
      error: `not found: this server speaks WebSocket at /apps/NAME and socket.io at ${socketIoPath}`,
    });
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
    .end(JSON.stringify(body));
}
