// Serves the metrics of a process to Prometheus on a separate port, because the addresses of the API and the router are public.

import type { IncomingMessage, ServerResponse } from "node:http";
import { createPeerServer, startListening } from "@slipway/service";
import type { ListenAddress, Logger, StoppableServer } from "@slipway/service";
import type { ProcessName } from "./definition.ts";
import { newAccumulators, openInstruments } from "./instruments.ts";
import { observeProcess } from "./process-metrics.ts";
import { processOptions } from "./process-options.ts";
import type { ProcessOptions } from "./process-options.ts";

export interface MetricsOptions extends ProcessOptions {
  /** Null: no metrics are collected or served. */
  readonly address: ListenAddress | null;
}

export interface Metrics extends AsyncDisposable {
  /** URL of `/metrics`; null when it is not served. */
  readonly url: string | null;
}

const contentType = "text/plain; version=0.0.4; charset=utf-8";
/** Low, because scrapes are short. */
const requestLimitMs = 10_000;
const stopGraceMs = 1_000;

/** @returns the options of a process, from its configuration. */
export function metricsOptions(
  config: { readonly metricsAddress: ListenAddress | null; readonly log: { readonly name: string } },
  process: ProcessName,
  logger: Logger,
): MetricsOptions {
  const failure = "cannot collect metrics; a scrape is incomplete";
  return { ...processOptions(config, process, logger, failure), address: config.metricsAddress };
}

/** Starts to collect and serve metrics. @throws {SlipwayError} "configuration-invalid" when the address is not available. */
export async function openMetrics(options: MetricsOptions): Promise<Metrics> {
  const { address, onError } = options;
  if (address === null) return { url: null, [Symbol.asyncDispose]: async () => undefined };
  await using opened = new AsyncDisposableStack();
  const { openMeter } = await import("./open-meter.ts");
  const accumulators = newAccumulators();
  const { meter, scrape } = opened.use(openMeter(options, accumulators));
  opened.use(openInstruments({ meter, accumulators, onError }));
  opened.use(observeProcess());
  const server = createPeerServer(
    { requestTimeout: requestLimitMs },
    { request: (request, response) => respond(request, response, scrape), onFailure: onError },
  );
  await startListening(server, address);
  opened.adopt(server, (running) => running.stop({ graceMs: stopGraceMs }));
  const resources = opened.move();
  return { url: urlOf(server, address), [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  scrape: () => Promise<string>,
): Promise<void> {
  if (request.url?.split("?", 1)[0] !== "/metrics") {
    response.writeHead(404, { "content-type": "text/plain" }).end("Not found: the metrics are at /metrics\n");
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
  } else {
    const text = await scrape();
    response.writeHead(200, { "content-type": contentType, "cache-control": "no-store" }).end(text);
  }
}

function urlOf(server: StoppableServer, { host }: ListenAddress): string {
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/metrics`;
}
