// The headers that are between two neighbors only, and those that tell an app who its client is.

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { BlockList, Socket } from "node:net";

/** RFC 9110, 7.6.1, without transfer-encoding: whoever writes the next message decides how its body is framed. */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "te",
  "trailer",
  "upgrade",
];
const hopByHopOfAnswers = new Set([...hopByHop, "proxy-authenticate", "transfer-encoding"]);

/** Takes from a request's headers what was for us. `expect` too: the server has answered it when a request gets here. */
export function dropHopByHop(headers: IncomingHttpHeaders): void {
  for (const name of [...hopByHop, ...tokens(headers.connection), "expect"]) {
    // A client that lists these as its connection's would have the app misread the message.
    if (name !== "host" && name !== "content-length" && name !== "transfer-encoding") delete headers[name];
  }
}

/** An answer's headers as they go on to the client, names and values in turn. */
export function endToEnd(rawHeaders: readonly string[], connection: string | undefined): string[] {
  const dropped = new Set([...hopByHopOfAnswers, ...tokens(connection)]);
  return rawHeaders.filter((_, at) => !dropped.has(rawHeaders[at - (at % 2)]?.toLowerCase() ?? ""));
}

/**
 * Says who asks, for which host and how, as X-Forwarded-*. What is there already is believed of proxies that are trusted, and
 * replaced otherwise.
 */
export function setForwarded(request: IncomingMessage, trusted: BlockList): void {
  const { headers } = request;
  const peer = addressOf(request.socket);
  const believed = peer !== "" && trusted.check(peer, peer.includes(":") ? "ipv6" : "ipv4");
  const before = believed ? headers["x-forwarded-for"] : undefined;
  headers["x-forwarded-for"] = before === undefined ? peer : `${String(before)}, ${peer}`;
  // Apps take these for the same; they are not ours to keep true.
  if (!believed) for (const name of ["forwarded", "x-real-ip"]) delete headers[name];
  const own = {
    "x-forwarded-proto": "http",
    "x-forwarded-host": headers.host ?? "",
    "x-forwarded-port": /:(\d+)$/.exec(headers.host ?? "")?.[1] ?? "80",
  };
  for (const [name, value] of Object.entries(own))
    if (!believed || headers[name] === undefined) headers[name] = value;
}

/** An IPv4 peer of an IPv6 socket as what it is. */
function addressOf({ remoteAddress = "" }: Socket): string {
  return remoteAddress.startsWith("::ffff:") ? remoteAddress.slice("::ffff:".length) : remoteAddress;
}

function tokens(list: string | undefined): string[] {
  return (list ?? "")
    .split(",")
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== "");
}
