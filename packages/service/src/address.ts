// Derives a client address's key for rate limits. An IPv6 customer has a whole /64 network, which counts as one address.

import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";
import proxyAddr from "proxy-addr";

/** The number of proxies in front of a server, or their addresses, CIDR ranges or names of networks. */
export type TrustedProxies = number | readonly string[];

/**
 * @returns a function that returns the address key of a request's client. It evaluates `X-Forwarded-For` from trusted proxies like
 * Express. The server must be created by `createPeerServer`, which rejects clients without an address.
 */
export function addressKeys(trusted: TrustedProxies): (request: IncomingMessage) => string {
  const trusts =
    typeof trusted === "number"
      ? (_address: string, hop: number) => hop < trusted
      : proxyAddr.compile([...trusted]);
  return (request) => addressKey(proxyAddr(request, trusts));
}

/** @returns an IPv4 address unchanged; for an IPv6 address its /64 network, whose addresses all belong to one customer. */
export function addressKey(address: string): string {
  const [plain = ""] = address.split("%", 1);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  return isIPv6(plain) ? `${groupsOf(plain).slice(0, 4).join(":")}::/64` : plain;
}

/** @returns the eight groups of an IPv6 address without leading zeros. A part in IPv4 notation becomes two zero groups. */
function groupsOf(address: string): string[] {
  const [head = "", tail] = address.split("::");
  const groups = (part: string) =>
    part === "" ? [] : part.split(":").flatMap((group) => (group.includes(".") ? ["0", "0"] : [group]));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(missing).fill("0"), ...after].map((group) =>
    Number.parseInt(group, 16).toString(16),
  );
}
