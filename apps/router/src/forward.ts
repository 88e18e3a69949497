// Forwards a request to an instance of its app, and the response to the client. Tries other instances until something was sent.

import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { BlockList } from "node:net";
import { createProxyServer } from "httpxy";
import { contain } from "@slipway/async";
import { chooseTarget, maxTargets } from "./choose-target.ts";
import type { Choice } from "./choose-target.ts";
import { ConnectedAgent, isConnectError } from "./connect.ts";
import { exchange, isHeadersTimeout, isUnexpectedContinue } from "./exchange.ts";
import { endToEndHeaders, removeHopByHopHeaders, setForwarded } from "./headers.ts";
import { targetKey } from "./keep-alive-connections.ts";
import { sendPage } from "./pages.ts";
import type { PageName } from "./pages.ts";
import { markFromApp } from "./request-metrics.ts";
import type { Routes } from "./routes.ts";

export interface ForwardOptions {
  readonly routes: Routes;
  /** How long an app's connection may be idle. */
  readonly timeoutMs: number;
  readonly bodyMaxBytes: number;
  /** Proxies whose X-Forwarded-* headers are kept. */
  readonly trustedProxies: BlockList;
  readonly onError: (error: unknown) => void;
  /** HAProxy could send requests like this one to the app. */
  readonly onPlainRequest?: ((appName: string) => void) | undefined;
}

/** Methods without side effects. Such requests may be sent again when a keep-alive connection turns out to be closed. */
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/** The attempt to forward a request to one target. */
interface Attempt {
  readonly options: ForwardOptions;
  /** Ends the request to the app; null until its connection is established. */
  end: ((reason: Error) => void) | null;
  /** Called when the app's response is complete. The client may still be receiving it. */
  received: () => void;
  /** Whether the connection was idle before, so the app may have closed it. */
  isReused: boolean;
  /** Why the router aborted the attempt; null when the router did not abort it. */
  failure: PageName | null;
}

type Outcome = "answered" | "unsent" | PageName;

const attempts = new WeakMap<IncomingMessage, Attempt>();
const newConnections = new ConnectedAgent({ keepAlive: false });
const proxy = createProxyServer({ selfHandleResponse: true });
proxy.on("proxyReq", contain(superviseUpstream, fail));
// Throws for responses that Node refuses to send, e.g. with an invalid status.
proxy.on("proxyRes", contain(sendResponse, fail));

/** Responds to the request, with an error page if necessary. Resolves when the response was sent or the client disconnected. */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  appName: string,
  options: ForwardOptions,
): Promise<void> {
  if (Number(request.headers["content-length"]) > options.bodyMaxBytes)
    return sendPage(response, "too-large");
  removeHopByHopHeaders(request.headers);
  setForwarded(request, options.trustedProxies);
  const unreachable = new Set<string>();
  for (let count = 1; ; count += 1) {
    const attempt: Attempt = { options, end: null, received() {}, isReused: false, failure: null };
    const chosen = await chooseTarget(options, appName, unreachable, () => abort(attempt, "replaced"));
    if (typeof chosen === "string") return sendPage(response, chosen);
    if (options.onPlainRequest !== undefined && isRepeatable(request)) options.onPlainRequest(appName);
    using choice = chosen;
    const outcome = await tryTarget(request, response, choice, attempt);
    if (outcome === "answered") return;
    if (outcome !== "unsent") return sendPage(response, outcome);
    unreachable.add(targetKey(choice.target));
    if (count === maxTargets) return sendPage(response, "not-answering");
  }
}

async function tryTarget(
  request: IncomingMessage,
  response: ServerResponse,
  choice: Choice,
  attempt: Attempt,
): Promise<Outcome> {
  if (response.destroyed) return "answered";
  let send = isRepeatable(request) ? sendRepeatable : sendOnce;
  for (;;) {
    try {
      await send(request, response, choice, attempt);
      return "answered";
    } catch (error) {
      const outcome = outcomeOf(error, attempt, response);
      if (outcome === "unexpected-continue") send = sendOnce;
      else if (outcome !== "stale-connection") return outcome;
      attempt.end = null;
    }
  }
}

/** Uses an idle connection if there is one. After a failure there, the next call opens a new one. */
async function sendRepeatable(
  request: IncomingMessage,
  response: ServerResponse,
  { target, connections }: Choice,
  attempt: Attempt,
): Promise<void> {
  const idle = attempt.isReused ? undefined : connections.takeIdle(target);
  attempt.isReused = idle !== undefined;
  const client = idle ?? connections.open(target);
  const { timeoutMs, onError } = attempt.options;
  await exchange({
    client,
    request,
    response,
    timeoutMs,
    onStart: (end) => begin(attempt, end),
    onInvalidResponse: (error) => {
      onError(error);
      abort(attempt, "broken");
    },
  });
  connections.release(target, client);
}

/**
 * Uses a new connection, which the app cannot have closed before the request. Resolves like `exchange`, because httpxy alone would wait
 * until the client has received the response.
 */
async function sendOnce(
  request: IncomingMessage,
  response: ServerResponse,
  { target }: Choice,
  attempt: Attempt,
): Promise<void> {
  attempts.set(request, attempt);
  const options = { target: { ...target, protocol: "http:" as const }, agent: newConnections };
  const received = Promise.withResolvers<void>();
  attempt.received = received.resolve;
  await Promise.race([proxy.web(request, response, options), received.promise]);
}

/**
 * Repeatable requests have two further outcomes, after which they are sent again: "stale-connection" when the app had closed the
 * keep-alive connection, "unexpected-continue" when the app's response began in a way that only `sendOnce` accepts.
 */
function outcomeOf(
  error: unknown,
  { failure, isReused }: Attempt,
  response: ServerResponse,
): Outcome | "stale-connection" | "unexpected-continue" {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return "answered";
  }
  if (failure !== null) return failure;
  if (isConnectError(error)) return "unsent";
  if (isHeadersTimeout(error)) return "silent";
  if (isUnexpectedContinue(error)) return "unexpected-continue";
  return isReused ? "stale-connection" : "broken";
}

/** Called when the connection is established, before anything is sent. Enforces the timeout and the body's size limit. */
function superviseUpstream(
  upstream: ClientRequest,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const attempt = attempts.get(request);
  if (attempt === undefined) return;
  begin(attempt, () => upstream.destroy());
  limitSilence(upstream, request, response, attempt);
  // Without this handler Node closes the connection of an unrequested upgrade, and reports neither an error nor a response.
  upstream.once("upgrade", (_upgradeResponse, socket) => {
    socket.destroy();
    if (!response.headersSent) sendPage(response, "broken");
    attempt.received();
  });
  let bodyBytes = 0;
  request.on("data", (bytes: Buffer) => {
    bodyBytes += bytes.length;
    if (bodyBytes > attempt.options.bodyMaxBytes) abort(attempt, "too-large");
  });
}

/**
 * Aborts the attempt when nothing is sent for too long, because of the app or because of a client that stops its upload. For a client that
 * receives its response slowly, the server has its own limit: the app's time limit starts when the client has caught up.
 */
function limitSilence(
  upstream: ClientRequest,
  request: IncomingMessage,
  response: ServerResponse,
  attempt: Attempt,
): void {
  upstream.socket?.setTimeout(attempt.options.timeoutMs, () => {
    if (response.writableNeedDrain)
      response.once("drain", () => limitSilence(upstream, request, response, attempt));
    else abort(attempt, request.complete || upstream.writableNeedDrain ? "silent" : "upload-stopped");
  });
}

function sendResponse(upstream: IncomingMessage, request: IncomingMessage, response: ServerResponse): void {
  const { statusCode = 502, rawHeaders } = upstream;
  upstream.once("close", () => attempts.get(request)?.received());
  response.writeHead(statusCode, endToEndHeaders(rawHeaders));
  markFromApp(response);
  upstream.pipe(response);
}

/** Ends the exchange after an error of a handler. @param upstream the request to the app, or the app's response. */
function fail(
  error: unknown,
  upstream: ClientRequest | IncomingMessage,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  attempts.get(request)?.options.onError(error);
  upstream.destroy();
  if (response.headersSent) response.destroy();
  else sendPage(response, "broken");
}

/** @param end ends the request to the app. If the attempt was aborted before the connection was established, it is called at once. */
function begin(attempt: Attempt, end: (reason: Error) => void): void {
  attempt.end = end;
  if (attempt.failure !== null) end(aborted(attempt.failure));
}

function abort(attempt: Attempt, failure: PageName): void {
  attempt.failure ??= failure;
  attempt.end?.(aborted(failure));
}

function aborted(failure: PageName): Error {
  return new Error(`the router ended the request to the app: ${failure}`);
}

function isRepeatable({ method = "", headers }: IncomingMessage): boolean {
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  return safeMethods.has(method) && !hasBody;
}
