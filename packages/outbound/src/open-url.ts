// Opens an archive at somebody's URL: the URL, the names in it and the server behind it are all taken for hostile.

import type { IncomingMessage } from "node:http";
import { withDeadline } from "@slipway/async";
import { type HeldBytes, SlipwayError } from "@slipway/core";
import { addressRule } from "./address-rules.ts";
import { parseUrl, request, unreachable } from "./request.ts";
import { hostOf } from "./url-failures.ts";

export interface OpenUrlOptions {
  readonly signal: AbortSignal;
  /** What the server may send. */
  readonly maxSizeBytes: number;
  /**
   * Hosts that are allowed although their address is not public: `host`, `host:port`, an address or a CIDR range. Every other
   * private, loopback, link-local, multicast or reserved address is refused.
   */
  readonly allowedPrivateHosts?: readonly string[];
  /** From the request to the response's headers, of each redirect. Default 30 s. */
  readonly responseTimeoutMs?: number;
  /** How long the server may send nothing while we wait for it. Default 60 s; the signal bounds the whole. */
  readonly idleTimeoutMs?: number;
}

const askedFor = { accept: "*/*", "accept-encoding": "identity" };
const maxRedirects = 5;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/**
 * Asks for the URL and resolves once the server answers with 200. Credentials in the URL are sent as Basic and only to the
 * host they stand before. The bytes are the body as it was sent, also under a Content-Encoding: an archive that a server
 * declares to be gzip is still the archive. They hold the connection.
 * @throws {SlipwayError} "source-unreachable" or "archive-too-large", naming the host but no path, query or credentials.
 */
export async function openUrl(url: string, options: OpenUrlOptions): Promise<HeldBytes> {
  const isAllowed = addressRule(options.allowedPrivateHosts ?? []);
  const { signal, responseTimeoutMs: timeoutMs = 30_000 } = options;
  let target = parseUrl(url);
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const response = await request(target, {
      method: "GET",
      headers: askedFor,
      isAllowed,
      signal,
      timeoutMs,
    });
    if (!redirectStatuses.has(response.statusCode ?? 0)) return acceptBody(response, target, options);
    response.destroy();
    target = parseUrl(response.headers.location ?? "", target);
  }
  throw unreachable(`${hostOf(target)} redirects too often.`);
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
  throw unreachable(`${hostOf(url)} answered with status ${statusCode}.`);
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
      // Only our waiting counts: a slow reader of this stream is no idle server.
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
