// Downloads an archive from a URL of a user. The URL, its names and its server are not trusted.

import type { IncomingMessage } from "node:http";
import { withDeadline } from "@slipway/async";
import { type HeldBytes, SlipwayError } from "@slipway/core";
import { addressRule } from "./address-rules.ts";
import { parseUrl, request, unreachable } from "./request.ts";
import { hostOf } from "./url-failures.ts";

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
  /** Time limit for each chunk of the body. Default 60 s; the signal limits the whole download. */
  readonly idleTimeoutMs?: number;
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
  const isAllowed = addressRule(options.allowedPrivateHosts ?? []);
  const { signal, responseTimeoutMs: timeoutMs = 30_000 } = options;
  let target = parseUrl(url);
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
  const { maxSizeBytes, signal, idleTimeoutMs = 60_000 } = options;
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let receivedBytes = 0;
  try {
    for (;;) {
      // The limit applies to the server only, not to a slow consumer of this stream.
      const { done, value } = await withDeadline(chunks.next(), { limitMs: idleTimeoutMs });
      if (done) return;
      receivedBytes += value.length;
      if (receivedBytes > maxSizeBytes) throw tooLarge(maxSizeBytes);
      yield value;
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
