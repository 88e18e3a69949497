// Removes hop-by-hop headers, and sets the headers that identify the client to an app.

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { BlockList, Socket } from "node:net";

/** RFC 9110, 7.6.1, without transfer-encoding: the HTTP client sets it on the forwarded request. */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "te",
  "trailer",
  "upgrade",
];
const removedFromRequests = [...hopByHop, "expect"];
const hopByHopOfResponses = new Set([...hopByHop, "proxy-authenticate", "transfer-encoding"]);

/** The client of a connection. */
interface Peer {
  readonly address: string;
  /** Whether it is a proxy whose X-Forwarded-* headers are kept. */
  readonly isTrusted: boolean;
}

/** Set on a connection by its first request: checking the trusted proxies takes as long as all other work on the headers. */
const peer = Symbol("peer");

interface KnownSocket extends Socket {
  [peer]?: Peer;
}

/** Names the client of a request that HAProxy passed to the router. Requests that HAProxy sends to apps do not have it. */
export const clientHeader = "slipway-client";

/** Set on requests that HAProxy passed to the router. */
const passed = Symbol("passed by HAProxy");

interface PassedRequest extends IncomingMessage {
  [passed]?: {
    readonly address: string;
    /** Whether HAProxy has set the X-Forwarded headers, because it tried to send the request to the app itself. */
    readonly isForwarded: boolean;
  };
}

/**
 * Determines the client of a request that HAProxy passed to the router. If HAProxy tried to send the request to the app before, the client
 * is not in its own header, but the last address in X-Forwarded-For, which HAProxy always sets.
 */
export function readPassedClient(request: PassedRequest): void {
  const { headers } = request;
  const address = headers[clientHeader];
  delete headers[clientHeader];
  request[passed] =
    typeof address === "string"
      ? { address: plainAddress(address), isForwarded: false }
      : { address: addresses(headers["x-forwarded-for"]).at(-1) ?? "", isForwarded: true };
}

/** Removes a request's hop-by-hop headers, and `expect`, which Node's server has answered already. */
export function removeHopByHopHeaders(headers: IncomingHttpHeaders): void {
  const listed = tokens(headers.connection);
  for (const name of removedFromRequests) if (headers[name] !== undefined) delete headers[name];
  for (const name of listed) {
    // If these were removed because the client's Connection header lists them, the app would parse the message differently.
    if (name !== "host" && name !== "content-length" && name !== "transfer-encoding") delete headers[name];
  }
}

/** @returns the response headers for the client, with alternating names and values. */
export function endToEndHeaders(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  const listed: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = "", value = ""] = [rawHeaders[index], rawHeaders[index + 1]];
    const lowerCase = name.toLowerCase();
    if (lowerCase === "connection") listed.push(...tokens(value));
    else if (!hopByHopOfResponses.has(lowerCase)) kept.push(name, value);
  }
  if (listed.every((name) => hopByHopOfResponses.has(name))) return kept;
  return kept.filter((_, index) => !listed.includes(kept[index - (index % 2)]?.toLowerCase() ?? ""));
}

/** Headers by which apps identify the client and the client's request. The router does not set all of them. */
const identifying = /^(?:x-forwarded(?:-.*)?|forwarded|x-real-ip)$/;

/**
 * Sets X-Forwarded-* to the client's address and the requested host and protocol. If the request comes from a trusted proxy, existing
 * values are kept; otherwise all identifying headers are replaced or removed. Their spellings with underscores are always removed: no proxy
 * sets them, and servers that pass headers as variables (CGI) cannot distinguish them from the other spellings.
 */
export function setForwarded(request: IncomingMessage, trusted: BlockList): void {
  if ((request as PassedRequest)[passed]?.isForwarded === true) return;
  const { headers } = request;
  const { address, isTrusted } = peerOf(request, trusted);
  for (const name of Object.keys(headers)) {
    const hasUnderscore = name.includes("_");
    if ((hasUnderscore || !isTrusted) && identifying.test(name.replaceAll("_", "-"))) delete headers[name];
  }
  const forwardedFor = headers["x-forwarded-for"];
  headers["x-forwarded-for"] = forwardedFor === undefined ? address : `${String(forwardedFor)}, ${address}`;
  headers["x-forwarded-proto"] ??= "http";
  headers["x-forwarded-host"] ??= headers.host ?? "";
  headers["x-forwarded-port"] ??= /:(\d+)$/.exec(headers.host ?? "")?.[1] ?? "80";
}

/**
 * @returns the address of the client. If a trusted proxy sent the request, this is the last address in X-Forwarded-For that is not a
 * trusted proxy.
 */
export function clientOf(request: IncomingMessage, trusted: BlockList): string {
  const { address, isTrusted } = peerOf(request, trusted);
  return isTrusted ? clientBehind(address, request.headers["x-forwarded-for"], trusted) : address;
}

/** @returns the client that sent its request through a trusted proxy with this address. */
export function clientBehind(
  proxy: string,
  forwardedFor: string | string[] | undefined,
  trusted: BlockList,
): string {
  const clients = addresses(forwardedFor);
  return clients.findLast((client) => !isProxy(client, trusted)) ?? clients[0] ?? proxy;
}

function peerOf(request: PassedRequest, trusted: BlockList): Peer {
  const passedClient = request[passed]?.address;
  if (passedClient !== undefined) return { address: passedClient, isTrusted: isProxy(passedClient, trusted) };
  const socket: KnownSocket = request.socket;
  const known = socket[peer];
  if (known !== undefined) return known;
  const address = plainAddress(socket.remoteAddress ?? "");
  return (socket[peer] = { address, isTrusted: isProxy(address, trusted) });
}

export function isProxy(address: string, trusted: BlockList): boolean {
  return address !== "" && trusted.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

/** Converts an IPv4-mapped IPv6 address to the IPv4 address. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}

function addresses(forwardedFor: string | string[] | undefined): string[] {
  return tokens(String(forwardedFor ?? ""));
}

function tokens(list: string | undefined): string[] {
  return (list ?? "")
    .split(",")
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== "");
}
