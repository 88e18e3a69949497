// Downloads an archive from a URL of a user. The URL, its names and its server are not trusted.

import type { IncomingMessage } from "node:http";
import { paced } from "@slipway/async";
import { type HeldBytes, type Pace, SlipwayError, sourcePace } from "@slipway/core";
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
  /** The least rate of the body. Default 60 KiB in 60 s. */
  readonly pace?: Pace;
  /** Time limit for the whole download: all redirects, and the body until its end. */
  readonly timeoutMs: number;
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
export async function openUrl(url: string, options: OpenUrlOptions): Promise<HeldBytes> {
  const target = parseUrl(url);
  await using opened = new AsyncDisposableStack();
  const deadline = opened.use(deadlineOf(target, options.timeoutMs));
  const signal = AbortSignal.any([options.signal, deadline.signal]);
  const bytes = opened.use(await follow(target, { ...options, signal }));
  const resources = opened.move();
  return {
    [Symbol.asyncIterator]: () => bytes[Symbol.asyncIterator](),
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

/** Requests the URL, and those that it redirects to. */
async function follow(url: URL, options: OpenUrlOptions): Promise<HeldBytes> {
  const isAllowed = addressRule(options.allowedPrivateHosts ?? []);
  const { signal, responseTimeoutMs: timeoutMs = 30_000 } = options;
  let target = url;
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const response = await request(target, {
      method: "GET",
      headers: requestHeaders,
      isAllowed,
      signal,
      timeoutMs,
    });
    if (!redirectStatuses.has(response.statusCode ?? 0)) return acceptBody(response, target, options);
    response.destroy();
    target = parseUrl(response.headers.location ?? "", target);
  }
  throw unreachable(`${hostOf(target)} redirects more than ${maxRedirects} times.`);
}

function acceptBody(response: IncomingMessage, url: URL, options: OpenUrlOptions): HeldBytes {
  const { statusCode, headers } = response;
  const declaredBytes = Number(headers["content-length"] ?? 0);
  if (statusCode === 200 && declaredBytes <= options.maxSizeBytes) {
    return {
      [Symbol.asyncIterator]: () => body(response, url, options),
      [Symbol.asyncDispose]: async () => {
        response.destroy();
      },
    };
  }
  response.destroy();
  if (statusCode === 200) throw tooLarge(options.maxSizeBytes);
  throw unreachable(`${hostOf(url)} responded with status ${statusCode}.`);
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
      if (receivedBytes > maxSizeBytes) throw tooLarge(maxSizeBytes);
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

function tooLarge(maxSizeBytes: number): SlipwayError {
  return new SlipwayError(
    "archive-too-large",
    `The archive is larger than ${(maxSizeBytes / 1024 ** 2).toFixed()} MiB.`,
  );
}
