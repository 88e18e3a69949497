// Sends one HTTP request to a user's URL. The URL, its host names and its server are not trusted.

import { type IncomingMessage, request as httpRequest, Agent as HttpAgent } from "node:http";
import { request as httpsRequest, Agent as HttpsAgent } from "node:https";
import { SlipwayError } from "@slipway/core";
import type { AddressRule } from "./address-rules.ts";
import { type ResolvedAddress, allowedAddresses, bareHost, fixedLookup } from "./resolve.ts";
import { describeFailure, hostOf, unreachable } from "./url-failures.ts";

export interface RequestOptions {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isAllowed: AddressRule;
  /** Ends the request, and reading the body. */
  readonly signal: AbortSignal;
  /** Time limit from the request to the response's headers. */
  readonly timeoutMs: number;
}

/**
 * @param base the URL that redirects to `url`, if any.
 * @throws {SlipwayError} "source-unreachable" unless it is an http or https URL. The message does not quote it.
 */
export function parseUrl(url: string, base?: URL): URL {
  const parsed = URL.parse(url, base?.href);
  if (!parsed || url === "") {
    throw unreachable(base ? `${hostOf(base)} redirects to an invalid URL.` : "The URL is not valid.");
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw unreachable(
      base
        ? `${hostOf(base)} redirects to a URL that is neither http nor https.`
        : "The URL must begin with http:// or https://.",
    );
  }
  return parsed;
}

/**
 * Resolves when the response's headers arrive. The caller must read or destroy the body. Credentials in the URL are sent with
 * Basic authentication.
 * @throws {SlipwayError} "source-unreachable", with the host but no path, query or credentials; the signal's reason when
 * aborted.
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
    if (timeout.aborted) throw unreachable(`${hostOf(url)} did not respond within ${timeoutMs / 1000} s.`);
    throw unreachable(`${hostOf(url)} ${describeFailure(error)}.`, error);
  }
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
    hostname: bareHost(url),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    ...basicAuth(url),
    // A separate agent, so that users share no connection and the process's proxy settings do not apply.
    agent: isTls ? new HttpsAgent({ maxCachedSessions: 0 }) : new HttpAgent(),
    lookup: fixedLookup(addresses),
    headers: { "user-agent": "slipway", ...headers, ...lengthOf(body) },
    signal,
  });
  const onTimeout = () => outgoing.destroy(new Error("timeout"));
  timeout.addEventListener("abort", onTimeout, { once: true });
  outgoing.on("error", reject);
  outgoing.once("close", () => {
    timeout.removeEventListener("abort", onTimeout);
    // Node.js closes the connection without an error when the server switches protocols, so reject here.
    reject(Object.assign(new Error("closed without a response"), { code: "ECONNRESET" }));
  });
  outgoing.once("response", (response) => {
    timeout.removeEventListener("abort", onTimeout);
    resolve(response);
  });
  outgoing.end(body);
  return promise;
}

function basicAuth({ username, password }: URL): { auth?: string } {
  if (username === "" && password === "") return {};
  return { auth: `${decoded(username)}:${decoded(password)}` };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A percent sign that is not an escape: use the text as written.
    return part;
  }
}

function lengthOf(body: string | undefined): Record<string, string> {
  return body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
}
