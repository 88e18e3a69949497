// One HTTP request to somebody's URL: the URL, the names in it and the server behind it are all taken for hostile.

import { lookup as resolveHost } from "node:dns/promises";
import { type IncomingMessage, request as httpRequest, Agent as HttpAgent } from "node:http";
import { request as httpsRequest, Agent as HttpsAgent } from "node:https";
import { type LookupFunction, isIP } from "node:net";
import { untilAborted } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { AddressRule } from "./address-rules.ts";
import { describeFailure, hostOf } from "./url-failures.ts";

export interface RequestOptions {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isAllowed: AddressRule;
  /** Bounds the whole, the reading of the body too. */
  readonly signal: AbortSignal;
  /** From the request to the response's headers. */
  readonly timeoutMs: number;
}

interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** @throws {SlipwayError} "source-unreachable" for what is no http or https URL. @param base what a redirect came from. */
export function parseUrl(url: string, base?: URL): URL {
  const parsed = URL.parse(url, base?.href);
  const from = base ? `${hostOf(base)} redirects to` : "What was given is";
  if (!parsed || url === "") throw unreachable(`${from} no URL.`);
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw unreachable(`${from} a URL that is neither http nor https.`);
  }
  return parsed;
}

/**
 * Resolves with the response's headers; its body is read, or destroyed, by the caller. Credentials in the URL are sent as
 * Basic. @throws {SlipwayError} "source-unreachable", naming the host but no path, query or credentials; the signal's reason.
 */
export async function request(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  const { isAllowed, signal, timeoutMs } = options;
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const addresses = await allowedAddresses(url, isAllowed, AbortSignal.any([signal, timeout]));
    return await send(url, addresses, timeout, options);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SlipwayError) throw error;
    if (timeout.aborted) throw unreachable(`${hostOf(url)} did not answer within ${timeoutMs / 1000} s.`);
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
    throw unreachable(`${hostOf(url)} is not on the public internet: nothing is asked of it.`);
  }
  return allowed;
}

function send(
  url: URL,
  addresses: readonly ResolvedAddress[],
  timeout: AbortSignal,
  { method, headers, body, signal }: RequestOptions,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const isTls = url.protocol === "https:";
  const outgoing = (isTls ? httpsRequest : httpRequest)({
    method,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    ...basicAuth(url),
    // An agent of its own: no connection is shared between users, and no proxy of the process is asked.
    agent: isTls ? new HttpsAgent({ maxCachedSessions: 0 }) : new HttpAgent(),
    lookup: answering(addresses),
    headers: { "user-agent": "slipway", ...headers, ...lengthOf(body) },
    signal,
  });
  const onTimeout = () => outgoing.destroy(new Error("timeout"));
  timeout.addEventListener("abort", onTimeout, { once: true });
  outgoing.on("error", reject);
  outgoing.once("close", () => {
    timeout.removeEventListener("abort", onTimeout);
    // A server that switches protocols unasked is hung up on without an error: nobody else would tell.
    reject(Object.assign(new Error("closed without a response"), { code: "ECONNRESET" }));
  });
  outgoing.once("response", (response) => {
    timeout.removeEventListener("abort", onTimeout);
    resolve(response);
  });
  outgoing.end(body);
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

function lengthOf(body: string | undefined): Record<string, string> {
  return body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
}

export function unreachable(message: string, cause?: unknown): SlipwayError {
  return new SlipwayError("source-unreachable", message, { cause });
}
