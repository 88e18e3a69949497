// Network destinations: those that are closed to builds and releases, and those that an operator opens.

import { BlockList, isIP } from "node:net";

/** A range of addresses that is open, on all ports or on one. */
export interface Destination {
  /** Address or CIDR range. */
  readonly range: string;
  readonly family: "ip" | "ip6";
  readonly port: number | null;
}

/**
 * Addresses that are not on the public internet: private, shared (carrier-grade NAT), loopback, link-local with the clouds' metadata
 * Azure's host service, benchmarks, documentation, multicast and reserved addresses.
 */
export const closedRanges: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16/32",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
];

/** The only IPv6 addresses on the public internet, except the following: tunnels that contain an IPv4 address, documentation. */
export const globalIpv6 = "2000::/3";
export const closedIpv6Ranges: readonly string[] = ["2001::/32", "2001:db8::/32", "2002::/16", "3fff::/20"];

const closed = blockList([...closedRanges, ...closedIpv6Ranges]);
const global = blockList([globalIpv6]);
const longestPrefix = { 4: 32, 6: 128 } as const;
const highestPort = 65_535;

/** Whether an address is closed unless a destination opens it. */
export function isClosed(address: string): boolean {
  if (isIP(address) === 4) return closed.check(address, "ipv4");
  return closed.check(address, "ipv6") || !global.check(address, "ipv6");
}

/** Whether one of the destinations opens the address with the port. */
export function isOpen(destinations: readonly Destination[], address: string, port: number): boolean {
  const open = blockList(
    destinations.filter((one) => one.port === null || one.port === port).map(({ range }) => range),
  );
  return open.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

/** Parses `10.0.0.0/8`, `10.1.2.3:5432`, `fd00::/8` or `[fd00::1]:443`. @returns null when the text is none of these. */
export function parseDestination(text: string): Destination | null {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const plain = text.split(":").length > 2 ? [text, text] : /^([^:]+)(?::(\d+))?$/.exec(text);
  const [, range = "", digits] = bracketed ?? plain ?? [];
  const [address = "", prefix, ...more] = range.split("/");
  const version = isIP(address);
  const port = digits === undefined ? null : Number(digits);
  if ((version !== 4 && version !== 6) || address.includes("%") || more.length > 0) return null;
  if (bracketed !== null && version === 4) return null;
  if (prefix !== undefined && !(/^\d+$/.test(prefix) && Number(prefix) <= longestPrefix[version]))
    return null;
  if (port !== null && (port < 1 || port > highestPort)) return null;
  return { range, family: version === 4 ? "ip" : "ip6", port };
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", prefix] = range.split("/");
    const type = isIP(address) === 4 ? "ipv4" : "ipv6";
    if (prefix === undefined) list.addAddress(address, type);
    else list.addSubnet(address, Number(prefix), type);
  }
  return list;
}
