// Passes a request on to the app it is for, and the app's answer back; tries another instance where nothing was sent yet.

import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { BlockList } from "node:net";
import { createProxyServer } from "httpxy";
import { contain } from "@slipway/async";
import { choose } from "./choose.ts";
import type { Choice } from "./choose.ts";
import { ConnectedAgent, isUnsent } from "./connect.ts";
import { dropHopByHop, endToEnd, setForwarded } from "./headers.ts";
import { sendPage } from "./pages.ts";
import type { PageName } from "./pages.ts";
import type { Routes } from "./routes.ts";
import { nameOf } from "./traffic.ts";

export interface ForwardOptions {
  readonly routes: Routes;
  /** How long an app may be silent. */
  readonly timeoutMs: number;
  readonly bodyMaxBytes: number;
  /** Proxies before this one whose X-Forwarded headers are believed. */
  readonly trustedProxies: BlockList;
  readonly onError: (error: unknown) => void;
}

/** Over them all: an instance that refuses, a connection that was dead, and what a new look at the store brings. */
const maxTries = 4;
/** May be sent again when a kept connection turns out to be dead: they change nothing. */
const repeatable = new Set(["GET", "HEAD", "OPTIONS"]);

/** One try at a request. */
interface Flight {
  readonly options: ForwardOptions;
  upstream: ClientRequest | null;
  /** Why we ended it, when we did. */
  fault: PageName | null;
}

type Outcome = "answered" | "unsent" | PageName;

const flights = new WeakMap<IncomingMessage, Flight>();
/** For requests that must not be sent twice: a connection of their own cannot have been closed unseen. */
const ownConnections = new ConnectedAgent({ keepAlive: false });
const proxy = createProxyServer({ selfHandleResponse: true });
proxy.on("proxyReq", contain(watch, breakOff));
// An app may send what must not be sent on.
proxy.on("proxyRes", contain(passBack, breakOff));

/** Answers the request, whatever happens. Resolves when the answer has left, or the client is gone. */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  appName: string,
  options: ForwardOptions,
): Promise<void> {
  if (Number(request.headers["content-length"]) > options.bodyMaxBytes)
    return sendPage(response, "too-large");
  dropHopByHop(request.headers);
  setForwarded(request, options.trustedProxies);
  const refused = new Set<string>();
  for (let tries = 1; ; tries += 1) {
    const flight: Flight = { options, upstream: null, fault: null };
    const chosen = await choose(options, appName, refused, () => end(flight, "replaced"));
    if (typeof chosen === "string") return sendPage(response, chosen);
    using choice = chosen;
    const outcome = await attempt(request, response, choice, flight);
    if (outcome === "answered") return;
    if (outcome !== "unsent") return sendPage(response, outcome);
    refused.add(nameOf(choice.target));
    if (tries === maxTries) return sendPage(response, "not-answering");
  }
}

async function attempt(
  request: IncomingMessage,
  response: ServerResponse,
  { target, kept }: Choice,
  flight: Flight,
): Promise<Outcome> {
  if (response.destroyed) return "answered";
  flights.set(request, flight);
  let agent = mayRepeat(request) ? kept : ownConnections;
  for (;;) {
    try {
      await proxy.web(request, response, { target: { ...target, protocol: "http:" }, agent });
      return "answered";
    } catch (error) {
      const outcome = outcomeOf(error, flight, response);
      if (outcome !== "dead") return outcome;
      agent = ownConnections;
      flight.upstream = null;
    }
  }
}

/** @returns "dead" when a kept connection had been closed by the app; only requests that may be repeated are sent on these. */
function outcomeOf(error: unknown, { fault, upstream }: Flight, response: ServerResponse): Outcome | "dead" {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return "answered";
  }
  if (fault !== null) return fault;
  if (isUnsent(error)) return "unsent";
  return upstream?.reusedSocket === true ? "dead" : "broken";
}

/** Called when a connection stands, before anything is sent. */
function watch(upstream: ClientRequest, request: IncomingMessage, response: ServerResponse): void {
  const flight = flights.get(request);
  if (flight === undefined) return;
  flight.upstream = upstream;
  if (flight.fault !== null) upstream.destroy();
  upstream.setTimeout(flight.options.timeoutMs, () => end(flight, "silent"));
  // An app that switches protocols unasked is hung up on without an error or an answer: nobody else would tell.
  upstream.once("upgrade", (_answer, socket) => {
    socket.destroy();
    if (!response.headersSent) sendPage(response, "broken");
  });
  let bodyBytes = 0;
  request.on("data", (bytes: Buffer) => {
    bodyBytes += bytes.length;
    if (bodyBytes > flight.options.bodyMaxBytes) end(flight, "too-large");
  });
}

function passBack(answer: IncomingMessage, _request: IncomingMessage, response: ServerResponse): void {
  const { statusCode = 502, rawHeaders, headers } = answer;
  response.writeHead(statusCode, endToEnd(rawHeaders, headers.connection));
  answer.pipe(response);
}

/** @param upstream the request to the app, or its answer. */
function breakOff(
  error: unknown,
  upstream: ClientRequest | IncomingMessage,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  flights.get(request)?.options.onError(error);
  upstream.destroy();
  if (response.headersSent) response.destroy();
  else sendPage(response, "broken");
}

function end(flight: Flight, fault: PageName): void {
  flight.fault ??= fault;
  flight.upstream?.destroy();
}

function mayRepeat({ method = "", headers }: IncomingMessage): boolean {
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  return repeatable.has(method) && !hasBody;
}
