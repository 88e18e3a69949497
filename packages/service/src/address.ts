// The address that requests are counted by: what one customer of a provider has, not each of its many.

import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";
import proxyAddr from "proxy-addr";

/** How many proxies stand in a row before a server; or their addresses, CIDR ranges, and names of networks. */
export type TrustedProxies = number | readonly string[];

/**
 * @returns what tells the key of the address that a request comes from, as trusted proxies say; Express reads them the same way.
 * It is for requests to a server made by `createPeerServer`, whose clients' addresses are known.
 */
export function addressKeys(trusted: TrustedProxies): (request: IncomingMessage) => string {
  const trusts =
    typeof trusted === "number"
      ? (_address: string, hop: number) => hop < trusted
      : proxyAddr.compile([...trusted]);
  return (request) => addressKey(proxyAddr(request, trusts));
}

/** An IPv4 address as it is; of an IPv6 address its /64, for whoever has one address of it has them all. */
export function addressKey(address: string): string {
  const [plain = ""] = address.split("%", 1);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  return isIPv6(plain) ? `${groupsOf(plain).slice(0, 4).join(":")}::/64` : plain;
}

/** The eight groups in full, without leading zeros. A part in IPv4 notation is the last two, which nobody asks for. */
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
