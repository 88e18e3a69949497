// Downloads from a user's URL. The URL, its host names and its server are not trusted.

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { paced } from "@slipway/async";
import { type DisposableBytes, type Pace, SlipwayError, mebibytesText, sourcePace } from "@slipway/core";
import { addressRule } from "./address-rules.ts";
import { parseUrl, request } from "./request.ts";
import { hostOf, unreachable } from "./url-failures.ts";

export interface OpenUrlOptions {
  readonly signal: AbortSignal;
  /** Maximum size of the response's body. */
  readonly maxSizeBytes: number;
  /**
   * Hosts that are allowed although their address is not public: `host`, `host:port`, an address or a CIDR range. All other
   * private, loopback, link-local, multicast and reserved addresses are rejected.
   */
  readonly allowedPrivateHosts?: readonly string[];
  /** Time limit from the request to the response's headers, for each redirect. Default 30 s. */
  readonly responseTimeoutMs?: number;
  /** Minimum rate of the body. Default 60 KiB in 60 s. */
  readonly pace?: Pace;
  /** Time limit for the whole download: all redirects, and the body until its end. */
  readonly timeoutMs: number;
  /** Creates the error for a body larger than `maxSizeBytes`. Default: the error for archives. */
  readonly tooLarge?: (maxSizeBytes: number) => SlipwayError;
}

export interface OpenResponseOptions extends OpenUrlOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Names of headers that are sent only to the URL's own origin, not after a redirect to another one. */
  readonly secretHeaders: readonly string[];
}

/** A response whose body holds the connection. */
export interface OpenedResponse extends DisposableBytes {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Scheme, host and port of the responding server, which differ from the URL's after a redirect. */
  readonly origin: string;
  /** The server's host, with its port unless that is the default. */
  readonly host: string;
}

const requestHeaders = { accept: "*/*", "accept-encoding": "identity" };
const maxRedirects = 5;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/**
 * Requests the URL and resolves once the server responds with 200. Credentials in the URL are sent with Basic authentication,
 * only to the URL's host. The stream is the body as sent, even with a Content-Encoding, because some servers declare the
 * archive's own gzip as one. It holds the connection.
 * @throws {SlipwayError} "source-unreachable" or "archive-too-large", with the host but no path, query or credentials; the
 * signal's reason when aborted.
 */
export async function openUrl(url: string, options: OpenUrlOptions): Promise<DisposableBytes> {
  const response = await openResponse(url, { ...options, headers: {}, secretHeaders: [] });
  if (response.status === 200) return response;
  await response[Symbol.asyncDispose]();
  throw unreachable(`${response.host} responded with status ${response.status}.`);
}

/** Like `openUrl`, but resolves with a response of any status. */
export async function openResponse(url: string, options: OpenResponseOptions): Promise<OpenedResponse> {
  const target = parseUrl(url);
  await using opened = new AsyncDisposableStack();
  const deadline = opened.use(deadlineOf(target, options.timeoutMs));
  const signal = AbortSignal.any([options.signal, deadline.signal]);
  const bounded = { ...options, signal };
  const { response, url: last } = await follow(target, bounded);
  opened.defer(() => void response.destroy());
  const { statusCode: status = 0, headers } = response;
  const { maxSizeBytes } = options;
  if (status === 200 && Number(headers["content-length"] ?? 0) > maxSizeBytes) throw tooLarge(options);
  const resources = opened.move();
  return {
    status,
    headers,
    origin: last.origin,
    host: hostOf(last),
    [Symbol.asyncIterator]: () => body(response, last, bounded),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function deadlineOf(url: URL, limitMs: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(unreachable(`The download from ${hostOf(url)} took longer than ${limitMs / 1000} s.`));
  }, limitMs).unref();
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Requests the URL, and follows its redirects. */
async function follow(
  url: URL,
  options: OpenResponseOptions,
): Promise<{ readonly response: IncomingMessage; readonly url: URL }> {
  const isAllowed = addressRule(options.allowedPrivateHosts ?? []);
  const { signal, responseTimeoutMs: timeoutMs = 30_000 } = options;
  let target = url;
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const headers = { ...requestHeaders, ...headersFor(target, url, options) };
    const response = await request(target, { method: "GET", headers, isAllowed, signal, timeoutMs });
    if (!redirectStatuses.has(response.statusCode ?? 0)) return { response, url: target };
    response.destroy();
    target = parseUrl(response.headers.location ?? "", target);
  }
  throw unreachable(`${hostOf(target)} redirects more than ${maxRedirects} times.`);
}

function headersFor(
  target: URL,
  { origin }: URL,
  { headers, secretHeaders }: OpenResponseOptions,
): Readonly<Record<string, string>> {
  if (target.origin === origin) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !secretHeaders.includes(name)));
}

async function* body(
  response: IncomingMessage,
  url: URL,
  options: OpenUrlOptions,
): AsyncGenerator<Uint8Array> {
  const { maxSizeBytes, signal, pace = sourcePace } = options;
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const tooSlow = (bytes: number) =>
    unreachable(
      `${hostOf(url)} sent less than ${pace.minBytes} bytes in ${pace.periodMs / 1000} s, after ${bytes} bytes.`,
    );
  let receivedBytes = 0;
  try {
    for await (const chunk of paced(chunks, { ...pace, error: tooSlow })) {
      receivedBytes += chunk.length;
      if (receivedBytes > maxSizeBytes) throw tooLarge(options);
      yield chunk;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SlipwayError) throw error;
    throw unreachable(`The transfer from ${hostOf(url)} broke off after ${receivedBytes} bytes.`, error);
  } finally {
    response.destroy();
  }
}

function tooLarge({ maxSizeBytes, tooLarge: errorOf = archiveTooLarge }: OpenUrlOptions): SlipwayError {
  return errorOf(maxSizeBytes);
}

function archiveTooLarge(maxSizeBytes: number): SlipwayError {
  return new SlipwayError("archive-too-large", `The archive is larger than ${mebibytesText(maxSizeBytes)}.`);
}
