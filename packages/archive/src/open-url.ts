// Opens an archive at somebody's URL: the URL, the names in it and the server behind it are all taken for hostile.

import { lookup as resolveHost } from "node:dns/promises";
import { type IncomingMessage, request as httpRequest, Agent as HttpAgent } from "node:http";
import { request as httpsRequest, Agent as HttpsAgent } from "node:https";
import { type LookupFunction, isIP } from "node:net";
import { type ByteStream, SlipwayError } from "@slipway/core";
import { type AddressRule, addressRule } from "./address-rules.ts";
import { describeFailure, hostOf } from "./url-failures.ts";

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

interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

const maxRedirects = 5;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/**
 * Asks for the URL and resolves once the server answers with 200. Credentials in the URL are sent as Basic and only to the
 * host they stand before. The bytes are the body as it was sent, also under a Content-Encoding: an archive that a server
 * declares to be gzip is still the archive. Read the stream or abort the signal: either ends the connection.
 * @throws {SlipwayError} "source-unreachable" or "archive-too-large", naming the host but no path, query or credentials.
 */
export async function openUrl(url: string, options: OpenUrlOptions): Promise<ByteStream> {
  const isAllowed = addressRule(options.allowedPrivateHosts ?? []);
  let target = parseUrl(url);
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const response = await get(target, isAllowed, options);
    if (!redirectStatuses.has(response.statusCode ?? 0)) return acceptBody(response, target, options);
    response.destroy();
    target = parseUrl(response.headers.location ?? "", target);
  }
  throw unreachable(`${hostOf(target)} redirects too often.`);
}

function parseUrl(url: string, base?: URL): URL {
  const parsed = URL.parse(url, base?.href);
  const from = base ? `${hostOf(base)} redirects to` : "The source is at";
  if (!parsed || url === "") throw unreachable(`${from} what is no URL.`);
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw unreachable(`${from} a URL that is neither http nor https.`);
  }
  return parsed;
}

async function get(url: URL, isAllowed: AddressRule, options: OpenUrlOptions): Promise<IncomingMessage> {
  const { signal, responseTimeoutMs = 30_000 } = options;
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(responseTimeoutMs);
  try {
    const addresses = await allowedAddresses(url, isAllowed, AbortSignal.any([signal, timeout]));
    return await send(url, addresses, signal, timeout);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SlipwayError) throw error;
    if (timeout.aborted)
      throw unreachable(`${hostOf(url)} did not answer within ${responseTimeoutMs / 1000} s.`);
    throw unreachable(`${hostOf(url)} ${describeFailure(error)}.`, error);
  }
}

/** Resolved here, once, and connected to as they are: a name that later resolves to another address gains nothing. */
async function allowedAddresses(
  url: URL,
  isAllowed: AddressRule,
  signal: AbortSignal,
): Promise<ResolvedAddress[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const family = isIP(host);
  const addresses =
    family === 0 ? await untilAborted(resolveHost(host, { all: true }), signal) : [{ address: host, family }];
  const allowed = addresses.filter(({ address }) => isAllowed(address, url.hostname, port));
  if (allowed.length === 0) {
    throw unreachable(`${hostOf(url)} is not on the public internet: archives are not fetched from there.`);
  }
  return allowed;
}

function send(
  url: URL,
  addresses: readonly ResolvedAddress[],
  signal: AbortSignal,
  timeout: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const isTls = url.protocol === "https:";
  const request = (isTls ? httpsRequest : httpRequest)({
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    ...basicAuth(url),
    // An agent of its own: no connection is shared between users' sources, and no proxy of the process is asked.
    agent: isTls ? new HttpsAgent({ maxCachedSessions: 0 }) : new HttpAgent(),
    lookup: answering(addresses),
    headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "slipway" },
    signal,
  });
  const onTimeout = () => request.destroy(new Error("timeout"));
  timeout.addEventListener("abort", onTimeout, { once: true });
  request.on("error", reject);
  request.once("close", () => timeout.removeEventListener("abort", onTimeout));
  request.once("response", (response) => {
    timeout.removeEventListener("abort", onTimeout);
    resolve(response);
  });
  request.end();
  return promise;
}

function answering(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_host, { all }, callback) => {
    const [first] = addresses;
    if (all || !first) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

function basicAuth({ username, password }: URL): { auth?: string } {
  if (username === "" && password === "") return {};
  return { auth: `${decoded(username)}:${decoded(password)}` };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A stray percent sign: what was written is what is meant.
    return part;
  }
}

function acceptBody(response: IncomingMessage, url: URL, options: OpenUrlOptions): ByteStream {
  const { statusCode, headers } = response;
  const declaredBytes = Number(headers["content-length"] ?? 0);
  if (statusCode === 200 && declaredBytes <= options.maxSizeBytes) return body(response, url, options);
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
      const timer = setTimeout(() => response.destroy(new Error("idle")), idleTimeoutMs);
      const { done, value } = await chunks.next().finally(() => clearTimeout(timer));
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

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener("abort", onAbort));
}

function unreachable(message: string, cause?: unknown): SlipwayError {
  return new SlipwayError("source-unreachable", message, { cause });
}

function tooLarge(maxSizeBytes: number): SlipwayError {
  return new SlipwayError(
    "archive-too-large",
    `The archive is larger than ${(maxSizeBytes / 1024 ** 2).toFixed()} MiB.`,
  );
}
