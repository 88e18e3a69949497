// The HTTP server: what it takes from clients, which app each request is for, and how it stops.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createPeerServer, shownHealth, startListening, stopListening } from "@slipway/service";
import type { Health, Service } from "@slipway/service";
import { forward } from "./forward.ts";
import type { ForwardOptions } from "./forward.ts";
import { appOf, takeAbsoluteUrl } from "./host.ts";
import { endWithPage, sendPage } from "./pages.ts";
import { Upgrades } from "./upgrades.ts";

export interface ServerOptions extends ForwardOptions {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  /** Its reasons are not shown to whoever asks: they may name hosts. */
  readonly health: () => Promise<Health>;
}

const limits = {
  headersMs: 15_000,
  /** For a whole request, its body included. */
  requestMs: 15 * 60_000,
  keepAliveMs: 75_000,
  /** A client's connection may be silent for longer than the app it waits for. */
  idleMarginMs: 15_000,
  headerBytes: 32 * 1024,
  headerCount: 200,
  connections: 20_000,
  sweepMs: 50,
} as const;

/** @throws {SlipwayError} "configuration-invalid" when the address is taken or not ours. */
export async function listen(options: ServerOptions): Promise<Service> {
  const upgrades = new Upgrades(options);
  const server = createPeerServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      noDelay: true,
      shouldUpgradeCallback: (request) => Upgrades.isFor(request),
    },
    {
      request: (request, response) => answer(request, response, options),
      async upgrade(request, socket, head) {
        const app = takeAbsoluteUrl(request) ? appOf(request, options.domain) : null;
        if (app === null) endWithPage(socket, "no-app");
        else await upgrades.serve(request, socket, head, app);
      },
      onFailure: options.onError,
    },
  );
  server.timeout = options.timeoutMs + limits.idleMarginMs;
  server.maxHeadersCount = limits.headerCount;
  server.maxConnections = limits.connections;
  await startListening(server, options);
  return {
    async stop({ graceMs }) {
      upgrades.close();
      await closed(server, graceMs);
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  if (!takeAbsoluteUrl(request)) return sendPage(response, "bad-request");
  const app = appOf(request, options.domain);
  if (app !== null) return forward(request, response, app, options);
  if (request.url?.split("?")[0] === "/health") return tellHealth(response, options.health);
  sendPage(response, "no-app");
}

async function tellHealth(response: ServerResponse, health: () => Promise<Health>): Promise<void> {
  const { status, body } = shownHealth(await health());
  response
    .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
    .end(JSON.stringify(body));
}

/** Requests on their way may end within `graceMs`. */
async function closed(server: Server, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await stopListening(server, limits.sweepMs);
  clearTimeout(cut);
}
