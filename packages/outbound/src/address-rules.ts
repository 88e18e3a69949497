// Which addresses requests to strangers may go to: the public internet, and what the operator allows besides.

import { BlockList } from "node:net";
import ipaddr from "ipaddr.js";

/** Decides on an address that `host` (a URL's host name) resolved to. */
export type AddressRule = (address: string, host: string, port: number) => boolean;

/** Public by range, yet answering only from within a cloud: Azure's host service. */
const cloudInternal = new Set(["168.63.129.16"]);
const globalIpv6 = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * @param allowedPrivateHosts what is allowed although it is not public: `host`, `host:port` (as it stands in the URL, IPv6 in
 * brackets), an address or a CIDR range, which holds for whatever name leads there.
 */
export function addressRule(allowedPrivateHosts: readonly string[]): AddressRule {
  const names = new Set(allowedPrivateHosts.map((host) => host.toLowerCase()));
  const ranges = allowedRanges(allowedPrivateHosts);
  return (address, host, port) =>
    isPublicAddress(address) ||
    names.has(host) ||
    names.has(`${host}:${port}`) ||
    ranges.check(plain(address).toString(), plain(address).kind());
}

/** Global unicast, by an allow list: an address of no known use is not public. IPv4 mapped into IPv6 counts as IPv4. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = plain(address);
  if (parsed.range() !== "unicast" || cloudInternal.has(parsed.toString())) return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(globalIpv6);
}

function allowedRanges(allowed: readonly string[]): BlockList {
  const ranges = new BlockList();
  for (const entry of allowed) {
    if (ipaddr.isValidCIDR(entry)) {
      const [address, prefix] = ipaddr.parseCIDR(entry);
      ranges.addSubnet(address.toString(), prefix, address.kind());
    } else if (ipaddr.isValid(entry)) {
      ranges.addAddress(plain(entry).toString(), plain(entry).kind());
    }
  }
  return ranges;
}

function plain(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  return ipaddr.process(address);
}
