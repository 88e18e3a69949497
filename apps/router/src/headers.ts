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
  const { headers } = request;
  const { address, isTrusted } = peerOf(request.socket, trusted);
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
export function clientOf({ socket, headers }: IncomingMessage, trusted: BlockList): string {
  const { address, isTrusted } = peerOf(socket, trusted);
  if (!isTrusted) return address;
  const forwardedFor = tokens(String(headers["x-forwarded-for"] ?? ""));
  return forwardedFor.findLast((client) => !isProxy(client, trusted)) ?? forwardedFor[0] ?? address;
}

function peerOf(socket: KnownSocket, trusted: BlockList): Peer {
  const known = socket[peer];
  if (known !== undefined) return known;
  const address = addressOf(socket);
  return (socket[peer] = { address, isTrusted: isProxy(address, trusted) });
}

function isProxy(address: string, trusted: BlockList): boolean {
  return address !== "" && trusted.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

/** The peer's address. An IPv4-mapped IPv6 address is converted to the IPv4 address. */
function addressOf({ remoteAddress = "" }: Socket): string {
  return remoteAddress.startsWith("::ffff:") ? remoteAddress.slice("::ffff:".length) : remoteAddress;
}

function tokens(list: string | undefined): string[] {
  return (list ?? "")
    .split(",")
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== "");
}
