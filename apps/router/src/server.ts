// The HTTP server: limits what clients send, routes each request to its app, and stops gracefully.

import type { IncomingMessage, ServerResponse } from "node:http";
import { createPeerServer, healthResponse, startListening } from "@slipway/service";
import type { Health, ListenAddress, Service, UnixSocket } from "@slipway/service";
import type { AccessLog } from "./access-log.ts";
import { forward } from "./forward.ts";
import type { ForwardOptions } from "./forward.ts";
import { readPassedClient } from "./headers.ts";
import { appNameOf, hasSeveralHosts, normalizeTarget } from "./host.ts";
import { limits } from "./limits.ts";
import { endWithPage, sendPage } from "./pages.ts";
import { measureRequest } from "./request-metrics.ts";
import { Upgrades } from "./upgrades.ts";

export interface ServerOptions extends ForwardOptions {
  /** A Unix socket when HAProxy passes requests to the router. */
  readonly address: ListenAddress | UnixSocket;
  readonly domain: string;
  /** Errors in the result are not sent to clients: they may contain host names. */
  readonly health: () => Promise<Health>;
  /** Null when requests are not logged. */
  readonly accessLog: AccessLog | null;
}

export interface RouterServer extends Service {
  /** WebSockets would stay open without a limit. Clients reconnect. */
  closeWebSockets(): void;
}

/** @throws {SlipwayError} "configuration-invalid" when the address is in use or not an address of this machine. */
export async function listen(options: ServerOptions): Promise<RouterServer> {
  const upgrades = new Upgrades(options);
  const isBehindHaproxy = "path" in options.address;
  const server = createPeerServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      noDelay: true,
      // For requests without a body, Node creates no stream.
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: (request) => Upgrades.accepts(request),
    },
    {
      request(request, response) {
        if (isBehindHaproxy) readPassedClient(request);
        return respond(request, response, options);
      },
      async upgrade(request, socket, head) {
        if (isBehindHaproxy) readPassedClient(request);
        if (hasSeveralHosts(request)) return endWithPage(socket, "several-hosts");
        const app = normalizeTarget(request) ? appNameOf(request, options.domain) : null;
        if (app === null) endWithPage(socket, "no-app");
        else await upgrades.serve(request, socket, head, app);
      },
      onFailure: options.onError,
      hasAddresses: !isBehindHaproxy,
    },
  );
  server.timeout = options.timeoutMs + limits.idleMarginMs;
  server.maxHeadersCount = limits.headerCount;
  server.maxConnections = limits.connections;
  await startListening(server, options.address);
  return {
    closeWebSockets: () => upgrades.close(),
    async stop({ graceMs }) {
      upgrades.close();
      await server.stop({ graceMs });
    },
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  measureRequest(response);
  options.accessLog?.(request, response);
  if (hasSeveralHosts(request)) return sendPage(response, "several-hosts");
  if (!normalizeTarget(request)) return sendPage(response, "bad-request");
  const app = appNameOf(request, options.domain);
  if (app !== null) return forward(request, response, app, options);
  if (request.url?.split("?")[0] === "/health") return sendHealth(response, options.health);
  sendPage(response, "no-app");
}

async function sendHealth(response: ServerResponse, health: () => Promise<Health>): Promise<void> {
  const { status, body } = healthResponse(await health());
  response
    .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
    .end(JSON.stringify(body));
}
